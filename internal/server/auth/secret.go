package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"strings"
)

// prefix makes a leaked secret recognisable to those who scan for them.
const prefix = "weft_"

var digits = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// hash is what is kept of a secret.
type hash [sha256.Size]byte

func hashOf(secret string) hash { return sha256.Sum256([]byte(secret)) }

// newSecret makes a token's secret, weft_<id>_<52 digits>, and its id, which is its visible
// start.
func newSecret() (id, secret string) {
	id = prefix + random(5)
	return id, id + "_" + random(32)
}

// TokenID is the id of a token that is given by its id or, as people do, by its secret.
func TokenID(text string) string {
	if i := strings.LastIndexByte(text, '_'); i >= len(prefix) {
		return text[:i]
	}
	return text
}

// random is n random bytes in lower-case letters and digits.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: it aborts the program instead
	return digits.EncodeToString(b)
}

// looksLikeSecret keeps long or foreign text from being hashed.
func looksLikeSecret(s string) bool {
	return len(s) <= 128 && strings.HasPrefix(s, prefix)
}
