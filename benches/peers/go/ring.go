package main

import "time"

// Goroutines in a ring pass tokens on. How often is counted by each, and checked.
func ring(n, size, tokens int) (int, float64) {
	mailboxes := make([]chan int, size)
	for i := range mailboxes {
		// Room for a token: who passes one on need not wait until it is taken.
		mailboxes[i] = make(chan int, 1)
	}
	ended, hops := make(chan struct{}, tokens), make(chan int, size)
	for i := range mailboxes {
		go relay(mailboxes[i], mailboxes[(i+1)%size], ended, hops)
	}
	start := time.Now()
	for token := 0; token < tokens; token++ {
		lives := n / tokens
		if token < n%tokens {
			lives++
		}
		mailboxes[token*(size/tokens)] <- lives
	}
	for token := 0; token < tokens; token++ {
		<-ended
	}
	of, value := perOp(start, n)
	for _, mailbox := range mailboxes {
		close(mailbox)
	}
	sum := 0
	for range mailboxes {
		sum += <-hops
	}
	check(sum == n)
	return of, value
}

func relay(mailbox <-chan int, next chan<- int, ended chan<- struct{}, hops chan<- int) {
	passed := 0
	for left := range mailbox {
		if left == 0 {
			ended <- struct{}{}
		} else {
			passed++
			next <- left - 1
		}
	}
	hops <- passed
}
