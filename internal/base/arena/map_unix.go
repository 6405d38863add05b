//go:build linux || darwin || freebsd

package arena

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// mapped is n zero bytes from the system. Like the collector's heap it has no error for
// memory that is not there.
func mapped(n int) []byte {
	b, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic(fmt.Sprintf("out of memory: map %d bytes: %v", n, err))
	}
	return b
}

// guard makes b unreadable for good and gives the memory behind it back.
func guard(b []byte) {
	if err := unix.Madvise(b, unix.MADV_DONTNEED); err != nil {
		panic(fmt.Sprintf("give back %d bytes: %v", len(b), err)) // not for memory of mapped
	}
	if err := unix.Mprotect(b, unix.PROT_NONE); err != nil {
		panic(fmt.Sprintf("guard %d bytes: %v", len(b), err))
	}
}

func unmap(b []byte) {
	if err := unix.Munmap(b); err != nil {
		panic(fmt.Sprintf("unmap %d bytes: %v", len(b), err)) // not for memory of mapped
	}
}
