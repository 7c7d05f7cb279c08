%% Eight processes send to one as fast as they can.
-module(fan_in).
-export([run/1]).

-define(SENDERS, 8).

run(N) ->
    Root = self(),
    Start = erlang:monotonic_time(),
    %% Off heap: what is right where messages pile up, and senders do not wait for each other then.
    Receiver = spawn_opt(fun() -> Root ! {sum, sum(N, 0)} end, [link, {message_queue_data, off_heap}]),
    [spawn_link(fun() -> send(First, N, Receiver) end) || First <- lists:seq(0, ?SENDERS - 1)],
    Expected = N * (N - 1) div 2,
    receive
        {sum, Expected} -> {time, N, erlang:monotonic_time() - Start}
    end.

sum(0, Sum) ->
    Sum;
sum(Left, Sum) ->
    receive
        {item, X} -> sum(Left - 1, Sum + X)
    end.

send(X, N, Receiver) when X < N ->
    Receiver ! {item, X},
    send(X + ?SENDERS, N, Receiver);
send(_, _, _) ->
    ok.
