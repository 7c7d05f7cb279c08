%% A gen_server that adds one, called and cast to.
-module(adder).
-behaviour(gen_server).
-export([calls/3, casts/1, start/0]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(CASTERS, 8).

start() ->
    {ok, Server} = gen_server:start(?MODULE, {0, none}, []),
    Server.

init(State) ->
    {ok, State}.

handle_call(N, _From, State) ->
    {reply, N + 1, State}.

handle_cast(_, {1, Root}) ->
    Root ! all_came,
    {noreply, {0, Root}};
handle_cast(_, {ToCome, Root}) ->
    {noreply, {ToCome - 1, Root}}.

calls(N, Clients, Servers) ->
    Each = max(1, N div Clients),
    Root = self(),
    Adders = list_to_tuple([start() || _ <- lists:seq(1, Servers)]),
    Start = erlang:monotonic_time(),
    [
        spawn_link(fun() ->
            client(0, Each, element(1 + Client rem Servers, Adders)),
            Root ! ready
        end)
     || Client <- lists:seq(0, Clients - 1)
    ],
    [receive ready -> ok end || _ <- lists:seq(1, Clients)],
    Time = erlang:monotonic_time() - Start,
    [gen_server:stop(Adder) || Adder <- tuple_to_list(Adders)],
    {time, Each * Clients, Time}.

client(N, N, _) ->
    ok;
client(Sent, N, Server) ->
    Next = Sent + 1,
    Next = gen_server:call(Server, Sent),
    client(Next, N, Server).

casts(N) ->
    Each = max(1, N div ?CASTERS),
    %% Off heap: what is right where messages pile up, and senders do not wait for each other then.
    Options = [{spawn_opt, [{message_queue_data, off_heap}]}],
    {ok, Server} = gen_server:start(?MODULE, {Each * ?CASTERS, self()}, Options),
    Start = erlang:monotonic_time(),
    [spawn_link(fun() -> cast(Each, Server) end) || _ <- lists:seq(1, ?CASTERS)],
    receive
        all_came -> ok
    end,
    Time = erlang:monotonic_time() - Start,
    gen_server:stop(Server),
    {time, Each * ?CASTERS, Time}.

cast(0, _) ->
    ok;
cast(Left, Server) ->
    gen_server:cast(Server, Left),
    cast(Left - 1, Server).
