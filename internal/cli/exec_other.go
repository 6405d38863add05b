//go:build !unix

package cli

import (
	"errors"
	"fmt"
	"os/exec"
)

// replace runs the program and ends as it does: here a process cannot become another one.
func (e *env) replace(program string, args, environ []string) error {
	cmd := exec.Command(program, args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = environ, e.In, e.Out, e.Err
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return &exitError{code: exit.ExitCode()}
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}
