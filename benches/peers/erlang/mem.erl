%% What a process costs in memory that waits: in receive, hibernated, as a gen_server.
-module(mem).
-export([idle/1, hibernated/1, servers/1]).
-export([wait/1, number/1]).

%% So many are spawned before it is awaited that they have come to rest.
-define(BATCH, 1000).

idle(N) ->
    measure(N, fun(Root) -> spawn(fun() -> Root ! ready, number(Root) end) end, fun numbers/1).

hibernated(N) ->
    measure(N, fun(Root) -> spawn(?MODULE, wait, [Root]) end, fun numbers/1).

servers(N) ->
    measure(
        N,
        fun(Root) ->
            Server = adder:start(),
            Root ! ready,
            Server
        end,
        fun(Servers) ->
            [7 = gen_server:call(Server, 6) || Server <- Servers]
        end
    ).

wait(Root) ->
    Root ! ready,
    erlang:hibernate(?MODULE, number, [Root]).

number(Root) ->
    receive
        {number, X} -> Root ! {number, X}
    end.

measure(N, Spawn, Check) ->
    Before = footprint(),
    Pids = batches(N, Spawn, []),
    Grown = footprint() - Before,
    Check(Pids),
    {bytes, N, max(0, Grown)}.

batches(0, _, Pids) ->
    Pids;
batches(N, Spawn, Pids) ->
    Size = min(N, ?BATCH),
    Self = self(),
    More = [Spawn(Self) || _ <- lists:seq(1, Size)],
    [receive ready -> ok end || _ <- More],
    batches(N - Size, Spawn, More ++ Pids).

%% Each gets its number and gives it back.
numbers(Pids) ->
    N = length(Pids),
    lists:foldl(fun(Pid, X) -> Pid ! {number, X}, X + 1 end, 0, Pids),
    Expected = N * (N - 1) div 2,
    Expected = lists:sum([receive {number, X} -> X end || _ <- Pids]).

%% The resident set and the page tables, in bytes.
footprint() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    lists:sum([
        1024 * binary_to_integer(KiB)
     || Name <- ["VmRSS", "VmPTE"],
        {match, [KiB]} <- [re:run(Status, Name ++ ":\\s+(\\d+)", [{capture, [1], binary}])]
    ]).
