%% One process spawns others that end at once. That all have ended is counted in groups.
-module(spawn_exit).
-export([run/1]).

-define(GROUP, 1000).

run(N) ->
    Start = erlang:monotonic_time(),
    Groups = spawn_groups(N, self(), 0),
    [receive all_here -> ok end || _ <- lists:seq(1, Groups)],
    {time, N, erlang:monotonic_time() - Start}.

spawn_groups(0, _, Groups) ->
    Groups;
spawn_groups(N, Root, Groups) ->
    Size = min(N, ?GROUP),
    Left = atomics:new(1, []),
    atomics:put(Left, 1, Size),
    spawn_members(Size, Left, Root),
    spawn_groups(N - Size, Root, Groups + 1).

spawn_members(0, _, _) ->
    ok;
spawn_members(Size, Left, Root) ->
    spawn(fun() ->
        case atomics:sub_get(Left, 1, 1) of
            0 -> Root ! all_here;
            _ -> ok
        end
    end),
    spawn_members(Size - 1, Left, Root).
