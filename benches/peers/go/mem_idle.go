package main

import (
	"os"
	"runtime"
	"strconv"
	"strings"
)

// What a goroutine costs in memory that waits for a number on a channel of its own.
func memIdle(n int) (int, float64) {
	const batch = 1000
	channels := make([]chan int, n)
	sums, ready := make(chan int, batch), make(chan struct{}, batch)
	runtime.GC()
	before := footprint()
	for first := 0; first < n; first += batch {
		spawned := 0
		for i := first; i < n && i < first+batch; i++ {
			numbers := make(chan int, 1)
			channels[i] = numbers
			spawned++
			go func() {
				ready <- struct{}{}
				sums <- <-numbers
			}()
		}
		for ; spawned > 0; spawned-- {
			<-ready
		}
	}
	grown := footprint() - before
	go func() {
		for x, numbers := range channels {
			numbers <- x
		}
	}()
	sum := 0
	for range channels {
		sum += <-sums
	}
	check(sum == n*(n-1)/2)
	return n, float64(grown) / float64(n)
}

// The resident set and the page tables, in bytes.
func footprint() int {
	status, err := os.ReadFile("/proc/self/status")
	check(err == nil)
	total := 0
	for _, line := range strings.Split(string(status), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 1 && (fields[0] == "VmRSS:" || fields[0] == "VmPTE:") {
			kib, err := strconv.Atoi(fields[1])
			check(err == nil)
			total += kib * 1024
		}
	}
	return total
}
