// Package demo is a payment shop of six services that call each other for real, so that a
// newcomer sees traces worth reading ten seconds after the first start.
//
//	visitors ─▶ gateway ─HTTP─▶ catalog   (SQLite, a fan-out of 300 prices)
//	                    ─HTTP─▶ payment ─HTTP─▶ bank      (slow at noon, refuses, times out)
//	                                    ─gRPC─▶ inventory (SQLite, runs out)
//	                                    ─queue▶ fulfilment (linked spans, the nightly close of books)
//
// Each service is a process of its own: the program starts itself once per service with
// the hidden command "demo-service". They know nothing of Weft; they use the OpenTelemetry
// SDK and the standard OTEL_* variables. A day of traffic passes in a minute.
//
// Run owns the processes: when its context ends they are interrupted, then killed.
package demo
