package app

import (
	"context"
	"errors"
	"iter"
	"unicode/utf16"

	"github.com/weft-dev/weft/internal/server/api"
	"github.com/weft-dev/weft/internal/trace/query"
	"github.com/weft-dev/weft/internal/trace/store"
)

// queries shows the query engine to the API in the API's own words.
type queries struct{ engine *query.Engine }

func (q queries) Compile(text string) (api.Compiled, error) {
	filter, order, ordered, err := query.Compile(text)
	var syntax *query.SyntaxError
	if errors.As(err, &syntax) {
		return api.Compiled{}, &api.QuerySyntaxError{Query: text, Offset: syntax.Pos, Length: syntax.Len, Message: syntax.Msg, Hint: syntax.Hint}
	}
	return api.Compiled{Filter: filter, Order: order, Ordered: ordered}, err
}

func (q queries) Search(ctx context.Context, sq store.Query) iter.Seq2[store.Summary, error] {
	return func(yield func(store.Summary, error) bool) {
		for row, err := range q.engine.Run(ctx, sq) {
			if errors.Is(err, query.ErrBusy) {
				err = errors.Join(api.ErrBusy, err)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

// expectations maps the grammar's words to the API's.
var expectations = map[query.Expect]api.Expectation{
	query.ExpectSelector: api.ExpectationSelector, query.ExpectField: api.ExpectationKey,
	query.ExpectOperator: api.ExpectationOperator, query.ExpectValue: api.ExpectationValue,
	query.ExpectConnective: api.ExpectationConnective, query.ExpectPipe: api.ExpectationEnd,
}

func (q queries) Complete(ctx context.Context, tenant, text string, pos, limit int) (api.Completion, error) {
	c, err := q.engine.Complete(ctx, tenant, text, pos, limit)
	if err != nil {
		return api.Completion{}, err
	}
	out := api.Completion{From: c.From, To: c.To, Expect: []api.Expectation{}, Suggestions: []api.Suggestion{}}
	if e, ok := expectations[c.Expect]; ok {
		out.Expect = append(out.Expect, e)
	}
	for _, s := range c.Suggestions {
		out.Suggestions = append(out.Suggestions, api.Suggestion{
			Text: s.Text, Insert: s.Insert, Kind: api.SuggestionKind(s.Kind), Detail: s.Detail, Count: s.Count,
		})
	}
	if c.Error != nil {
		out.Error = api.QueryError{
			ByteOffset: c.Error.Pos, Position: units(text[:c.Error.Pos]), Length: units(text[c.Error.Pos : c.Error.Pos+c.Error.Len]),
			Message: c.Error.Msg, Hint: c.Error.Hint,
		}
	}
	return out, nil
}

// units is the length of text in UTF-16, as JavaScript counts.
func units(text string) int { return len(utf16.Encode([]rune(text))) }
