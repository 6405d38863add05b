// Package auth says who sent a request and what that one may do.
//
//	request → Guard: Host, Origin → Service.Handler: token or session → Identity in the context
//	        → Require(scope) → handler, which asks auth.From(ctx) for tenant and scopes
//
// Promise: once a token was made, nothing is answered without one but what says whether
// the server is well and how to sign in; a token acts for its tenant only. Until then the
// server is open: everything is tenant "default" with all scopes, which is why it listens
// on loopback only. A page of another origin gets nothing, whatever name it reached the
// server by.
//
// Secrets are 256 random bits. The state database holds their SHA-256, which is enough for
// random secrets, and the process holds the same in memory, so that a check costs a hash
// and a look-up. Everything here is safe for concurrent use.
package auth
