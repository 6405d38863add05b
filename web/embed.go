// Package web holds the built web app.
//
//	npm run build → dist/ → FS → the server's page handler
//
// Promise: FS serves the app if it was built before the Go build, else a page that says how
// to build it; a checkout without Node compiles. Names, base path and nonce are described in
// README.md. The package reads embedded memory only, and is safe for concurrent use.
package web

import (
	"embed"
	"io/fs"
)

// Both folders are always there: dist has at least .gitkeep.
//
//go:embed all:dist placeholder
var files embed.FS

// FS has index.html at its root and, if the app was built, its assets. Built tells which
// of the two it is.
func FS() fs.FS {
	dir := "placeholder"
	if Built() {
		dir = "dist"
	}
	sub, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

// Built is whether the web app is in this binary.
func Built() bool {
	_, err := fs.Stat(files, "dist/index.html")
	return err == nil
}
