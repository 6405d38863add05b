// Package api answers HTTP and JSON under /api/v1, as openapi.yaml says.
//
//	request → auth (tenant, scopes) → handler → query.Engine, store.Reader → JSON, columns, SSE
//
// Promise: the OpenAPI file is the truth; types and routes are generated from it. Every
// error leaves through error.go as a problem document. A client that goes away stops the
// work done for it.
//
// The package holds no data and writes nothing to disk. Handlers share only what Config
// gives them, all of it safe for concurrent use.
package api

//go:generate go run github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2 --config oapi.yaml -o api.gen.go openapi.yaml
