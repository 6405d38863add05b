// Package tidy holds tests about the code itself: who may import whom, that every package
// says what it is for, that the store touches the disk through vfs only, that links in
// the documents lead somewhere. It has no code of its own.
package tidy
