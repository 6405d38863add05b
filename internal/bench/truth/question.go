package truth

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/weft-dev/weft/internal/trace/span"
)

// Kind of question.
type Kind uint8

// The kinds of questions that are asked.
const (
	ByID Kind = iota
	UnknownID
	Operation     // a service and an operation
	RareUser      // a user seen in at most three traces of a service
	User          // a user seen in more than a hundred
	MinDuration   // a service and a minimum duration that few spans reach
	Errors        // a service's errors
	OrderIn       // a value of one trace, its service known
	OrderAnywhere // the same among all services
)

// Kinds are all kinds in the order of the table.
func Kinds() []Kind {
	return []Kind{ByID, UnknownID, Operation, RareUser, User, MinDuration, Errors, OrderIn, OrderAnywhere}
}

// String is what the table calls the kind.
func (k Kind) String() string {
	return [...]string{
		"by id", "unknown id", "service + operation", "rare attribute in a service", "frequent attribute value",
		"minimum duration", "errors", "needle in a service", "needle anywhere",
	}[k]
}

// Question is one question and its exact answer.
type Question struct {
	Kind  Kind
	ID    span.TraceID // of ByID and UnknownID
	Query string       // TraceQL, of the others
	Want  []Trace      // in the order of the answer; none for UnknownID
}

// Questions draws up to n questions of a kind. Equal seeds draw equal questions.
func (t *Truth) Questions(k Kind, seed uint64, n int) []Question {
	r := rand.New(rand.NewPCG(seed, uint64(k)))
	switch k {
	case ByID:
		return draw(r, n, len(t.Traces), func(i int) Question {
			tr := t.Traces[i]
			return Question{Kind: k, ID: tr.ID, Want: []Trace{tr}}
		})
	case UnknownID:
		return draw(r, n, n, func(int) Question {
			var id span.TraceID
			for i := range id {
				id[i] = byte(r.Uint32())
			}
			return Question{Kind: k, ID: id}
		})
	case OrderIn, OrderAnywhere:
		return draw(r, n, len(t.orders), func(i int) Question { return t.aboutOrder(k, t.orders[i]) })
	}
	list := t.candidates(k)
	return draw(r, n, len(list), func(i int) Question { return t.ask(k, list[i]) })
}

// draw makes n questions of random ones of the given number of candidates.
func draw(r *rand.Rand, n, candidates int, ask func(int) Question) []Question {
	if candidates == 0 {
		return nil
	}
	out := make([]Question, n)
	for i := range out {
		out[i] = ask(r.IntN(candidates))
	}
	return out
}

// candidates are the questions of a kind worth asking, in an order of their own. Where
// none is as rare or as frequent as its kind wants, the ten next to it are taken.
func (t *Truth) candidates(k Kind) []question {
	kind := k
	if k == RareUser {
		kind = User
	}
	var all, fit []question
	for q, a := range t.answers {
		if q.kind != kind {
			continue
		}
		all = append(all, q)
		ok := true
		switch k {
		case RareUser:
			ok = a.matched <= 3
		case User:
			ok = a.matched > 100
		case MinDuration:
			ok = a.matched <= max(3, len(t.Traces)/1000)
		}
		if ok {
			fit = append(fit, q)
		}
	}
	if len(fit) == 0 {
		rarest := func(a, b question) int {
			return cmp.Or(cmp.Compare(t.answers[a].matched, t.answers[b].matched), compareQuestions(a, b))
		}
		slices.SortFunc(all, rarest)
		if fit = all[:min(10, len(all))]; k == User {
			fit = all[max(0, len(all)-10):]
		}
	}
	slices.SortFunc(fit, compareQuestions)
	return fit
}

func compareQuestions(a, b question) int {
	return cmp.Or(strings.Compare(a.service, b.service), strings.Compare(a.text, b.text), cmp.Compare(a.atLeast, b.atLeast))
}

func (t *Truth) ask(k Kind, q question) Question {
	out := Question{Kind: k}
	for _, h := range t.answers[q].rows {
		out.Want = append(out.Want, t.Traces[h.trace])
	}
	service := fmt.Sprintf("resource.service.name = %q", q.service)
	switch q.kind {
	case Operation:
		out.Query = fmt.Sprintf("{ %s && name = %q }", service, q.text)
	case User:
		out.Query = fmt.Sprintf("{ %s && span.%s = %q }", service, t.UserKey, q.text)
	case MinDuration:
		out.Query = fmt.Sprintf("{ %s && duration >= %dus }", service, q.atLeast/time.Microsecond)
	case Errors:
		out.Query = fmt.Sprintf("{ %s && status = error }", service)
	}
	return out
}

func (t *Truth) aboutOrder(k Kind, o order) Question {
	q := Question{Kind: k, Want: []Trace{t.Traces[o.trace]}, Query: fmt.Sprintf("{ span.%s = %q }", t.OrderKey, o.value)}
	if k == OrderIn {
		q.Query = fmt.Sprintf("{ resource.service.name = %q && span.%s = %q }", o.service, t.OrderKey, o.value)
	}
	return q
}

// Window is the interval in which all spans start.
func (t *Truth) Window() (from, to time.Time) {
	first, last := int64(0), int64(0)
	for i, tr := range t.Traces {
		if i == 0 || tr.Start < first {
			first = tr.Start
		}
		last = max(last, tr.End)
	}
	return time.Unix(0, first).Add(-time.Minute), time.Unix(0, last).Add(time.Minute)
}

// ByTraceID is the traces by hexadecimal id.
func (t *Truth) ByTraceID() map[string]Trace {
	out := make(map[string]Trace, len(t.Traces))
	for _, tr := range t.Traces {
		out[hex.EncodeToString(tr.ID[:])] = tr
	}
	return out
}
