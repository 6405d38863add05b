// Command weft is the whole of Weft: the server, the demo, and the client commands.
package main

import (
	"context"
	"os"

	"github.com/weft-dev/weft/internal/cli"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
