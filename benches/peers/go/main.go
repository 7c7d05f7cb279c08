// Runs one workload of the program compare and prints what it measured, a line of JSON.
// Called as: compare WORKLOAD SIZE WARM_UP
package main

import (
	"fmt"
	"os"
	"strconv"
	"time"
)

// A workload takes a size; it returns what it stands on, and the figure.
type workload func(n int) (of int, value float64)

var workloads = map[string]workload{
	"spawn_exit":   spawnExit,
	"pingpong":     pingpong,
	"ring":         func(n int) (int, float64) { return ring(n, 503, 1) },
	"ring_many":    func(n int) (int, float64) { return ring(n, 1000, 500) },
	"fan_in":       fanIn,
	"skynet":       skynet,
	"spawn_join":   spawnJoin,
	"timer_cancel": timerCancel,
	"mem_idle":     memIdle,
}

func main() {
	// An alarm's signal is ignored by Go, so the time limit is kept here.
	time.AfterFunc(120*time.Second, func() { fail("timed out") })
	run, known := workloads[os.Args[1]]
	n, err := strconv.Atoi(os.Args[2])
	if !known || err != nil {
		fail("no such workload or size")
	}
	if os.Args[3] == "1" {
		warmUp := n / 10
		if warmUp < 1 {
			warmUp = 1
		}
		run(warmUp)
	}
	of, value := run(n)
	fmt.Printf("{\"n\":%d,\"value\":%f}\n", of, value)
}

// perOp is the time since start for each of n operations, in nanoseconds.
func perOp(start time.Time, n int) (int, float64) {
	return n, float64(time.Since(start).Nanoseconds()) / float64(n)
}

func check(holds bool) {
	if !holds {
		fail("the result is wrong")
	}
}

func fail(why string) {
	fmt.Fprintln(os.Stderr, why)
	os.Exit(1)
}
