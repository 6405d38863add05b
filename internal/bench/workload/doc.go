// Package workload makes the spans that `make bench` sends: a seeded world of services,
// call trees with a long tail, errors with stacks, users by Zipf, ids seen once.
//
//	World + seed → traces, minute by minute → spans wait for their pod's export → requests
//
// The same Config makes the same bytes. Requests come as a stream; what is held is one
// stretch of start times, so that 100 million spans need no more memory than one million,
// as long as their times are spread over hours. One goroutine makes a stream; the package
// touches no disk and no clock.
package workload
