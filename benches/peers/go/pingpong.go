package main

import "time"

// Two goroutines send a number to and fro.
func pingpong(n int) (int, float64) {
	pings, pongs := make(chan int), make(chan int)
	go func() {
		for x := range pings {
			pongs <- x + 1
		}
	}()
	start := time.Now()
	for sent := 0; sent < n; sent++ {
		pings <- sent
		check(<-pongs == sent+1)
	}
	of, value := perOp(start, n)
	close(pings)
	return of, value
}
