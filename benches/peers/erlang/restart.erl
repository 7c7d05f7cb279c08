%% A supervisor's child is killed, again and again; measured is how long until the next one runs.
-module(restart).
-behaviour(supervisor).
-export([run/1, init/1, start_child/1]).

%% So many restarts under one supervisor: it looks through those of the last second at each.
-define(BATCH, 100).

run(N) ->
    {took, batches(N, [])}.

batches(0, Took) ->
    Took;
batches(Left, Took) ->
    {ok, Supervisor} = supervisor:start_link(?MODULE, self()),
    Child = receive {up, Up} -> Up end,
    Batch = min(Left, ?BATCH),
    More = kill(Batch, Child, Took),
    unlink(Supervisor),
    gen_server:stop(Supervisor),
    batches(Left - Batch, More).

init(Root) ->
    %% As many restarts as it takes.
    Flags = #{strategy => one_for_one, intensity => 1 bsl 30, period => 1},
    {ok, {Flags, [#{id => child, start => {?MODULE, start_child, [Root]}}]}}.

start_child(Root) ->
    {ok, spawn_link(fun() -> Root ! {up, self()}, receive stop -> ok end end)}.

kill(0, _, Took) ->
    Took;
kill(Left, Child, Took) ->
    Start = erlang:monotonic_time(),
    exit(Child, kill),
    receive
        {up, Next} when Next =/= Child ->
            kill(Left - 1, Next, [erlang:monotonic_time() - Start | Took])
    end.
