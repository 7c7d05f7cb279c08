%% Processes in a ring pass tokens on. How often is counted by each, and checked.
-module(ring).
-export([run/3]).

run(N, Processes, Tokens) ->
    Root = self(),
    Pids = [spawn_link(fun() -> relay(Root) end) || _ <- lists:seq(1, Processes)],
    [Pid ! {next, Next} || {Pid, Next} <- lists:zip(Pids, tl(Pids) ++ [hd(Pids)])],
    Ring = list_to_tuple(Pids),
    Start = erlang:monotonic_time(),
    [
        element(1 + Token * (Processes div Tokens), Ring) ! {token, lives(Token, N, Tokens)}
     || Token <- lists:seq(0, Tokens - 1)
    ],
    [receive ended -> ok end || _ <- lists:seq(1, Tokens)],
    Time = erlang:monotonic_time() - Start,
    [Pid ! stop || Pid <- Pids],
    N = lists:sum([receive {hops, Hops} -> Hops end || _ <- Pids]),
    {time, N, Time}.

lives(Token, N, Tokens) when Token < N rem Tokens -> N div Tokens + 1;
lives(_, N, Tokens) -> N div Tokens.

relay(Root) ->
    receive
        {next, Next} -> relay(Root, Next, 0)
    end.

relay(Root, Next, Hops) ->
    receive
        {token, 0} ->
            Root ! ended,
            relay(Root, Next, Hops);
        {token, Left} ->
            Next ! {token, Left - 1},
            relay(Root, Next, Hops + 1);
        stop ->
            Root ! {hops, Hops}
    end.
