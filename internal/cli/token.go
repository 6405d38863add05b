package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/client"
	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/server/app"
	"github.com/weft-dev/weft/internal/server/auth"
	"github.com/weft-dev/weft/internal/trace/store"
)

// tokenKeeper makes and ends tokens: of a data folder, or of a server through its API.
type tokenKeeper interface {
	create(ctx context.Context, n api.NewToken) (made api.CreatedToken, first bool, err error)
	list(ctx context.Context) ([]api.Token, error)
	revoke(ctx context.Context, id string) error
	// audit is a page of who changed what; next is "" at the end.
	audit(ctx context.Context, page string, limit int) (entries []api.AuditEntry, next string, err error)
	io.Closer
}

func (e *env) tokenCommand() *cobra.Command {
	var data string
	c := &cobra.Command{
		Use: "token", Short: "Make, list and revoke API tokens",
		Long: "Make, list and revoke API tokens. Whoever may read the data folder may do so without a token:\n" +
			"the command finds the server that has the folder open, or opens the folder itself. For a server\n" +
			"on another machine give --server and a token of scope admin.",
	}
	c.PersistentFlags().StringVar(&data, "data", envOr("WEFT_DATA", "weft-data"), "data folder")
	c.AddCommand(e.tokenCreate(&data), e.tokenList(&data), e.tokenRevoke(&data), e.tokenReset(&data))
	return c
}

func (e *env) tokenCreate(data *string) *cobra.Command {
	var n api.NewToken
	var scopes []string
	var expires string
	c := &cobra.Command{
		Use: "create", Short: "Make a token and print its secret, once", Args: exactArgs(),
		Example: "  weft token create --scope ingest --name checkout\n  weft token create --tenant acme --scope ingest,read --expires 90d\n" +
			"  weft token create --tenant '*' --scope admin    # may act for every tenant",
	}
	e.outputFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if len(scopes) == 0 {
			return usage("for a program that sends spans: --scope ingest; for a person: --scope read", "say what the token may do with --scope")
		}
		for _, s := range scopes {
			n.Scopes = append(n.Scopes, api.AccessScope(strings.TrimSpace(s)))
		}
		end, err := expiry(expires, time.Now())
		if err != nil {
			return err
		}
		n.Expires = end
		k, err := e.tokens(cmd, *data, true)
		if err != nil {
			return err
		}
		made, first, err := k.create(cmd.Context(), n)
		if err = errors.Join(err, k.Close()); err != nil {
			return err
		}
		if first {
			e.explainFirst(made, *data)
		}
		if e.output != "table" && e.output != "wide" {
			return e.print(made)
		}
		e.note("token %s of tenant %s may: %s; this is its secret, shown once", made.Token.Id, made.Token.Tenant, joinScopes(made.Token.Scopes))
		_, err = fmt.Fprintln(e.Out, made.Secret)
		return err
	}
	c.Flags().StringVar(&n.Name, "name", "", "what the token is for")
	c.Flags().StringVar(&n.Tenant, "tenant", auth.DefaultTenant, "whose data it is about; * for every tenant, with scope admin")
	c.Flags().StringSliceVar(&scopes, "scope", nil, "what it may do: ingest, read, operate, admin")
	c.Flags().StringVar(&expires, "expires", "", "when it ends: 90d, 12h or a time in RFC 3339; default never")
	_ = c.RegisterFlagCompletionFunc("scope", cobra.FixedCompletions([]string{"ingest", "read", "operate", "admin"}, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// explainFirst says what the first token changes, before somebody wonders why nothing is
// accepted any more.
func (e *env) explainFirst(made api.CreatedToken, data string) {
	e.note("This is the first token: from now on every request needs one.")
	e.note("  senders  OTEL_EXPORTER_OTLP_HEADERS='Authorization=Bearer%%20SECRET', a token of scope ingest")
	e.note("  pages    sign in with a token of scope read, operate or admin")
	e.note("  commands WEFT_TOKEN=SECRET")
	if !strings.Contains(joinScopes(made.Token.Scopes), "admin") {
		e.note("This one may not make further tokens; on the server's machine this command still may.")
	}
	e.note("To undo it, stop the server and run: weft token reset --data %s", data)
}

func joinScopes(scopes []api.AccessScope) string {
	var out []string
	for _, s := range scopes {
		out = append(out, string(s))
	}
	return strings.Join(out, ",")
}

// expiry reads a duration from now or a time, as RFC 3339.
func expiry(text string, now time.Time) (string, error) {
	if text == "" {
		return "", nil
	}
	if d, err := parseDays(text); err == nil && d > 0 {
		return now.Add(d).UTC().Format(time.RFC3339), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return "", usage("write it like 90d, 12h or 2027-01-31T00:00:00Z", "--expires %q is no time", text)
	}
	return at.UTC().Format(time.RFC3339), nil
}

func (e *env) tokenList(data *string) *cobra.Command {
	c := &cobra.Command{Use: "list", Short: "List tokens, without their secrets", Args: exactArgs()}
	e.outputFlag(c)
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		k, err := e.tokens(cmd, *data, false)
		if err != nil {
			return err
		}
		tokens, err := k.list(cmd.Context())
		if err = errors.Join(err, k.Close()); err != nil {
			return err
		}
		p := e.list([]column{
			{"ID", false, func(v any) string { return v.(api.Token).Id }},
			{"NAME", false, func(v any) string { return v.(api.Token).Name }},
			{"TENANT", false, func(v any) string { return v.(api.Token).Tenant }},
			{"SCOPES", false, func(v any) string { return joinScopes(v.(api.Token).Scopes) }},
			{"EXPIRES", false, func(v any) string { return at(v.(api.Token).ExpiresUnixNano, "never") }},
			{"LAST USED", false, func(v any) string { return at(v.(api.Token).LastUsedUnixNano, "never") }},
			{"CREATED", true, func(v any) string { return at(v.(api.Token).CreatedUnixNano, "") }},
		})
		for _, t := range tokens {
			if err := p.row(t); err != nil {
				return err
			}
		}
		return p.close()
	}
	return c
}

// at is a time of the API as a person reads it; zero is what an absent one means.
func at(n api.Nano, zero string) string {
	if n == "" {
		return zero
	}
	ns, err := strconv.ParseInt(n, 10, 64)
	if err != nil {
		return n
	}
	return time.Unix(0, ns).UTC().Format(time.RFC3339)
}

func (e *env) tokenRevoke(data *string) *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "End a token and the sessions signed in with it", Args: exactArgs("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			k, err := e.tokens(cmd, *data, false)
			if err != nil {
				return err
			}
			id := auth.TokenID(args[0])
			err = k.revoke(cmd.Context(), id)
			if errors.Is(err, store.ErrNotFound) {
				err = &exitError{exitNotFound, withHint(err, "weft token list shows the ids")}
			}
			if err = errors.Join(err, k.Close()); err != nil {
				return err
			}
			e.note("token %s is revoked", id)
			return nil
		},
	}
}

func (e *env) tokenReset(data *string) *cobra.Command {
	return &cobra.Command{
		Use: "reset", Short: "Remove all tokens of a stopped server, which then needs none", Args: exactArgs(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := os.Stat(*data); err != nil {
				return noFolder(err, *data)
			}
			t, err := app.OpenTokens(cmd.Context(), *data, version, slog.New(slog.DiscardHandler))
			var locked *vfs.LockedError
			if errors.As(err, &locked) {
				return withHint(fmt.Errorf("data folder %s is in use by pid %d", *data, locked.PID), "stop that server first: it would be open at once to whoever reaches it")
			}
			if err != nil {
				return err
			}
			if err := errors.Join(t.Reset(cmd.Context(), "owner of the data folder"), t.Close()); err != nil {
				return err
			}
			e.note("all tokens are gone; a server on %s needs none now", *data)
			return nil
		},
	}
}

// tokens finds whom to ask: the named server; else the named folder, or the server that has
// it open; else, without the default folder, a server at the default address.
// A folder that is missing is made where mayMake is set.
func (e *env) tokens(cmd *cobra.Command, data string, mayMake bool) (tokenKeeper, error) {
	dataGiven := cmd.Flags().Changed("data") || os.Getenv("WEFT_DATA") != ""
	if cmd.Flags().Changed("server") || os.Getenv("WEFT_SERVER") != "" && !cmd.Flags().Changed("data") {
		return &remoteTokens{e.client()}, nil
	}
	_, err := os.Stat(data)
	if errors.Is(err, fs.ErrNotExist) && !dataGiven {
		r := &remoteTokens{e.client()}
		if _, err := r.session(cmd.Context()); err == nil {
			return r, nil
		}
	}
	if errors.Is(err, fs.ErrNotExist) && !mayMake {
		return nil, noFolder(err, data)
	}
	if errors.Is(err, fs.ErrNotExist) && !dataGiven {
		e.note("no server answers at %s and there is no folder %s: making the folder", e.server, data)
	}
	t, err := app.OpenTokens(cmd.Context(), data, version, slog.New(slog.DiscardHandler))
	var locked *vfs.LockedError
	if errors.As(err, &locked) {
		f, err := app.ReadServerFile(data)
		if err != nil {
			return nil, withHint(fmt.Errorf("data folder %s is in use by pid %d: %w", data, locked.PID, err), "name the server with --server")
		}
		return &remoteTokens{client.New(f.URL, f.Secret)}, nil
	}
	if err != nil {
		return nil, err
	}
	return &folderTokens{t}, nil
}

// folderTokens are those of a data folder that no server has open.
type folderTokens struct{ tokens *app.Tokens }

// The access of the API, as the owner of the folder.
func (f *folderTokens) access(ctx context.Context) (context.Context, auth.Access) {
	owner := auth.Identity{Tenant: auth.DefaultTenant, Scopes: auth.Scopes(), Token: "local", Name: "owner of the data folder", Every: true}
	return auth.With(ctx, owner), auth.Access{Service: f.tokens.Service}
}

func (f *folderTokens) create(ctx context.Context, n api.NewToken) (api.CreatedToken, bool, error) {
	first := !f.tokens.Required()
	var expires time.Time
	if n.Expires != "" {
		var err error
		if expires, err = time.Parse(time.RFC3339, n.Expires); err != nil {
			return api.CreatedToken{}, false, err
		}
	}
	ctx, access := f.access(ctx)
	made, err := access.CreateToken(ctx, n, expires)
	var wrong *api.RequestError
	if errors.As(err, &wrong) {
		err = &usageError{errors.New(wrong.Detail), wrong.Hint}
	}
	return made, first, err
}

func (f *folderTokens) list(ctx context.Context) ([]api.Token, error) {
	ctx, access := f.access(ctx)
	return access.Tokens(ctx, auth.AllTenants)
}

func (f *folderTokens) revoke(ctx context.Context, id string) error {
	ctx, access := f.access(ctx)
	return access.DeleteToken(ctx, auth.AllTenants, id)
}

func (f *folderTokens) audit(ctx context.Context, page string, limit int) ([]api.AuditEntry, string, error) {
	before := int64(0)
	if page != "" {
		var err error
		if before, err = strconv.ParseInt(page, 10, 64); err != nil {
			return nil, "", usage("give it as the page before printed it", "--page %q is no page", page)
		}
	}
	ctx, access := f.access(ctx)
	entries, next, err := access.Audit(ctx, auth.AllTenants, before, limit)
	if err != nil || next == 0 {
		return entries, "", err
	}
	return entries, strconv.FormatInt(next, 10), nil
}

func (f *folderTokens) Close() error { return f.tokens.Close() }

// remoteTokens are those of a running server.
type remoteTokens struct{ c *client.Client }

func (r *remoteTokens) call(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	header := http.Header{}
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
		header.Set("Content-Type", "application/json")
	}
	resp, err := r.c.Do(ctx, method, api.BasePath+path, nil, body, header)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("answer of %s: %w", r.c.Base(), err)
	}
	return nil
}

func (r *remoteTokens) session(ctx context.Context) (s api.Session, err error) {
	err = r.call(ctx, http.MethodGet, "/session", nil, &s)
	return s, err
}

func (r *remoteTokens) create(ctx context.Context, n api.NewToken) (made api.CreatedToken, first bool, err error) {
	before, err := r.session(ctx)
	if err != nil {
		return made, false, err
	}
	err = r.call(ctx, http.MethodPost, "/tokens", n, &made)
	return made, !before.Required, err
}

func (r *remoteTokens) list(ctx context.Context) ([]api.Token, error) {
	var out struct{ Tokens []api.Token }
	err := r.call(ctx, http.MethodGet, "/tokens", nil, &out)
	return out.Tokens, err
}

func (r *remoteTokens) revoke(ctx context.Context, id string) error {
	return r.call(ctx, http.MethodDelete, "/tokens/"+url.PathEscape(id), nil, nil)
}

func (r *remoteTokens) audit(ctx context.Context, page string, limit int) ([]api.AuditEntry, string, error) {
	var out struct {
		Entries  []api.AuditEntry
		NextPage string `json:"next_page"`
	}
	v := url.Values{"limit": {strconv.Itoa(limit)}}
	if page != "" {
		v.Set("page", page)
	}
	err := r.c.JSON(ctx, http.MethodGet, api.BasePath+"/audit", v, nil, &out)
	return out.Entries, out.NextPage, err
}

func (r *remoteTokens) Close() error { return nil }
