%% Two processes send a number to and fro.
-module(pingpong).
-export([run/1]).

run(N) ->
    Ponger = spawn_link(fun ponger/0),
    Start = erlang:monotonic_time(),
    pinger(0, N, Ponger),
    Time = erlang:monotonic_time() - Start,
    Ponger ! stop,
    {time, N, Time}.

pinger(N, N, _) ->
    ok;
pinger(Sent, N, Ponger) ->
    Ponger ! {ping, self(), Sent},
    receive
        {pong, X} when X =:= Sent + 1 -> pinger(X, N, Ponger)
    end.

ponger() ->
    receive
        {ping, From, X} ->
            From ! {pong, X + 1},
            ponger();
        stop ->
            ok
    end.
