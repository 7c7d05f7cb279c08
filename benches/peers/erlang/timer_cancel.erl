%% Timers set and cancelled.
-module(timer_cancel).
-export([run/1]).

run(N) ->
    Start = erlang:monotonic_time(),
    cancel(N),
    {time, N, erlang:monotonic_time() - Start}.

cancel(0) ->
    ok;
cancel(N) ->
    Timer = erlang:send_after(60000, self(), never),
    ok = erlang:cancel_timer(Timer, [{info, false}]),
    cancel(N - 1).
