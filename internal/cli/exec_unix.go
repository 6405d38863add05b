//go:build unix

package cli

import (
	"fmt"
	"syscall"
)

// replace puts the program in the place of this process, so that whoever started it deals
// with the program itself: its signals, its exit code, its end.
func (e *env) replace(program string, args, environ []string) error {
	return fmt.Errorf("run %s: %w", program, syscall.Exec(program, args, environ))
}
