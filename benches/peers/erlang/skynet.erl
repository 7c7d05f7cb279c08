%% A tree in which each process spawns ten, down to the leaves; sums come up.
-module(skynet).
-export([run/1]).

-define(CHILDREN, 10).

run(N) ->
    Leaves = leaves(N, ?CHILDREN),
    Root = self(),
    Start = erlang:monotonic_time(),
    spawn(fun() -> subtree(Root, 0, Leaves) end),
    Expected = Leaves * (Leaves - 1) div 2,
    receive
        {sum, Expected} -> {time, Leaves, erlang:monotonic_time() - Start}
    end.

leaves(N, Leaves) when Leaves * ?CHILDREN =< N -> leaves(N, Leaves * ?CHILDREN);
leaves(_, Leaves) -> Leaves.

subtree(Parent, First, 1) ->
    Parent ! {sum, First};
subtree(Parent, First, Leaves) ->
    Self = self(),
    Each = Leaves div ?CHILDREN,
    spawn_children(?CHILDREN, Self, First, Each),
    Parent ! {sum, sum(?CHILDREN, 0)}.

spawn_children(0, _, _, _) ->
    ok;
spawn_children(Left, Self, First, Each) ->
    spawn(fun() -> subtree(Self, First, Each) end),
    spawn_children(Left - 1, Self, First + Each, Each).

sum(0, Sum) ->
    Sum;
sum(Left, Sum) ->
    receive
        {sum, X} -> sum(Left - 1, Sum + X)
    end.
