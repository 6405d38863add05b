// Package proof holds the long proofs: that a killed server and a machine without power
// lose nothing that was acknowledged and show nothing twice. `make test` runs a few
// rounds of each, `make soak` all of them; both print their seed.
//
// Kill drives the real binary in a process of its own over HTTP. PowerCut runs the
// pipeline, the log and the store in this process on a file system that forgets what was
// not synced, and cuts at a random file operation.
package proof
