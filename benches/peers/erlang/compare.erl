%% Runs one workload of the program `compare` and prints what it measured, a line of JSON.
%% Called as: erl -run compare main WORKLOAD SIZE WARM_UP
-module(compare).
-export([main/1]).

main([Workload, Size, WarmUp]) ->
    Run = workload(Workload),
    N = list_to_integer(Size),
    %% Children are killed on purpose; their reports are nobody's concern.
    logger:set_primary_config(level, none),
    %% A process of its own for each: the next does not inherit the heap of the last.
    WarmUp =:= "1" andalso in_process(fun() -> Run(max(1, N div 10)) end),
    {Of, Value} = in_process(fun() -> Run(N) end),
    print(Of, Value),
    halt(0).

in_process(Fun) ->
    {_, Monitor} = spawn_monitor(fun() -> exit({measured, Fun()}) end),
    receive
        {'DOWN', Monitor, process, _, {measured, {time, N, Native}}} ->
            {N, erlang:convert_time_unit(Native, native, nanosecond) / N};
        {'DOWN', Monitor, process, _, {measured, {bytes, N, Bytes}}} ->
            {N, Bytes / N};
        {'DOWN', Monitor, process, _, {measured, {took, Natives}}} ->
            {length(Natives), percentiles(Natives)};
        {'DOWN', Monitor, process, _, Reason} ->
            io:format(standard_error, "~p~n", [Reason]),
            halt(1)
    end.

print(N, #{p50 := P50, p99 := P99, p999 := P999, min := Min, max := Max}) ->
    io:format(
        "{\"n\":~b,\"value\":~f,\"lateness\":"
        "{\"min\":~f,\"p50\":~f,\"p99\":~f,\"p999\":~f,\"max\":~f}}~n",
        [N, P50, Min, P50, P99, P999, Max]
    );
print(N, Value) ->
    io:format("{\"n\":~b,\"value\":~f}~n", [N, float(Value)]).

%% In microseconds, each of the nearest rank.
percentiles(Natives) ->
    Sorted = list_to_tuple(lists:sort(Natives)),
    At = fun(Share) ->
        Rank = max(1, ceil(Share * tuple_size(Sorted))),
        erlang:convert_time_unit(element(Rank, Sorted), native, nanosecond) / 1000
    end,
    #{min => At(0), p50 => At(0.5), p99 => At(0.99), p999 => At(0.999), max => At(1)}.

workload("spawn_exit") -> fun spawn_exit:run/1;
workload("pingpong") -> fun pingpong:run/1;
workload("ring") -> fun(N) -> ring:run(N, 503, 1) end;
workload("ring_many") -> fun(N) -> ring:run(N, 1000, 500) end;
workload("fan_in") -> fun fan_in:run/1;
workload("skynet") -> fun skynet:run/1;
workload("spawn_join") -> fun spawn_join:run/1;
workload("timer_cancel") -> fun timer_cancel:run/1;
workload("call_1_1") -> fun(N) -> adder:calls(N, 1, 1) end;
workload("call_100_1") -> fun(N) -> adder:calls(N, 100, 1) end;
workload("call_100_100") -> fun(N) -> adder:calls(N, 100, 100) end;
workload("cast_8_1") -> fun adder:casts/1;
workload("restart") -> fun restart:run/1;
workload("start_child") -> fun start_child:run/1;
workload("mem_idle") -> fun mem:idle/1;
workload("mem_hibernated") -> fun mem:hibernated/1;
workload("mem_server") -> fun mem:servers/1.
