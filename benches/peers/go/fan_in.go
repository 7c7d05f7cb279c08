package main

import (
	"sync"
	"time"
)

// Eight goroutines send to one as fast as they can.
func fanIn(n int) (int, float64) {
	const senders = 8
	items, sum := make(chan int, 1024), make(chan int)
	start := time.Now()
	go func() {
		total := 0
		for x := range items {
			total += x
		}
		sum <- total
	}()
	var all sync.WaitGroup
	for sender := 0; sender < senders; sender++ {
		first := sender
		all.Add(1)
		go func() {
			defer all.Done()
			for x := first; x < n; x += senders {
				items <- x
			}
		}()
	}
	all.Wait()
	close(items)
	check(<-sum == n*(n-1)/2)
	return perOp(start, n)
}
