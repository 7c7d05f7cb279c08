package main

import "time"

const children = 10

// A tree in which each goroutine starts ten, down to the leaves; sums come up.
func skynet(n int) (int, float64) {
	leaves := children
	for leaves*children <= n {
		leaves *= children
	}
	start := time.Now()
	sums := make(chan int, 1)
	go subtree(sums, 0, leaves)
	check(<-sums == leaves*(leaves-1)/2)
	return perOp(start, leaves)
}

func subtree(parent chan<- int, first, leaves int) {
	if leaves == 1 {
		parent <- first
		return
	}
	each := leaves / children
	sums := make(chan int, children)
	for child := 0; child < children; child++ {
		go subtree(sums, first+child*each, each)
	}
	total := 0
	for child := 0; child < children; child++ {
		total += <-sums
	}
	parent <- total
}
