package main

import (
	"sync"
	"sync/atomic"
	"time"
)

// One goroutine starts others that end at once.
func spawnExit(n int) (int, float64) {
	var all sync.WaitGroup
	all.Add(n)
	start := time.Now()
	for i := 0; i < n; i++ {
		go all.Done()
	}
	all.Wait()
	return perOp(start, n)
}

// Goroutines started in waves of a hundred; the end of each wave is awaited.
func spawnJoin(n int) (int, float64) {
	const wave = 100
	var sum int64
	start := time.Now()
	for first := 0; first < n; first += wave {
		var all sync.WaitGroup
		for x := first; x < n && x < first+wave; x++ {
			x := x
			all.Add(1)
			go func() {
				defer all.Done()
				atomic.AddInt64(&sum, int64(x))
			}()
		}
		all.Wait()
	}
	of, value := perOp(start, n)
	check(sum == int64(n)*int64(n-1)/2)
	return of, value
}
