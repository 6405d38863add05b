//go:build !linux

package demo

import "os/exec"

// dieWithParent does nothing here; Run interrupts the services when it ends.
func dieWithParent(*exec.Cmd) {}
