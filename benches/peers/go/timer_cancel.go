package main

import "time"

// Timers set and stopped.
func timerCancel(n int) (int, float64) {
	start := time.Now()
	for i := 0; i < n; i++ {
		check(time.AfterFunc(time.Minute, func() { fail("a timer fired") }).Stop())
	}
	return perOp(start, n)
}
