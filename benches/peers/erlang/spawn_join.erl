%% Processes spawned with a monitor, in waves; the end of each is received.
-module(spawn_join).
-export([run/1]).

-define(WAVE, 100).

run(N) ->
    Start = erlang:monotonic_time(),
    waves(N),
    {time, N, erlang:monotonic_time() - Start}.

waves(0) ->
    ok;
waves(N) ->
    Size = min(N, ?WAVE),
    Monitors = [Monitor || _ <- lists:seq(1, Size), {_, Monitor} <- [spawn_monitor(fun() -> ok end)]],
    [receive {'DOWN', Monitor, process, _, normal} -> ok end || Monitor <- Monitors],
    waves(N - Size).
