%% One process has a supervisor start gen_servers.
-module(start_child).
-behaviour(supervisor).
-export([run/1, init/1, start_server/0]).

run(N) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, none),
    Start = erlang:monotonic_time(),
    Last = start(N, Supervisor, none),
    Time = erlang:monotonic_time() - Start,
    N = proplists:get_value(active, supervisor:count_children(Supervisor)),
    2 = gen_server:call(Last, 1),
    %% Not stopped: the program ends now.
    unlink(Supervisor),
    {time, N, Time}.

init(_) ->
    Child = #{id => adder, start => {?MODULE, start_server, []}, restart => temporary},
    {ok, {#{strategy => simple_one_for_one}, [Child]}}.

start_server() ->
    gen_server:start_link(adder, {0, none}, []).

start(0, _, Last) ->
    Last;
start(Left, Supervisor, _) ->
    {ok, Child} = supervisor:start_child(Supervisor, []),
    start(Left - 1, Supervisor, Child).
