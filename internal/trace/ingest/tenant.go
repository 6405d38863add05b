package ingest

import "context"

// DefaultTenant owns what arrives without tokens.
const DefaultTenant = "default"

type tenantKey struct{}

// WithTenant says whose data the request of ctx carries.
func WithTenant(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

// TenantFrom is the tenant of ctx, DefaultTenant if none was set.
func TenantFrom(ctx context.Context) string {
	if t, ok := ctx.Value(tenantKey{}).(string); ok && t != "" {
		return t
	}
	return DefaultTenant
}
