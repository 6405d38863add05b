package demo

import (
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// day is how long a day of the shop takes.
const day = time.Minute

// hourOf is the shop's time of day at t, 0 to 24.
func hourOf(t time.Time) float64 {
	return 24 * float64(t.UnixNano()%int64(day)) / float64(day)
}

// load is the share of the busiest rate at an hour: quiet at night, a peak at noon and a
// higher one in the evening.
func load(hour float64) float64 {
	peak := func(at, width float64) float64 {
		d := math.Min(math.Abs(hour-at), 24-math.Abs(hour-at))
		return math.Exp(-d * d / (2 * width * width))
	}
	return min(1, 0.12+0.6*peak(12.5, 2)+0.88*peak(20, 2.5))
}

// visit sends visitors to the shop until ctx is done.
func visit(ctx context.Context, base string, o Options, died <-chan error) error {
	client := &http.Client{Timeout: 20 * time.Second}
	users := rand.NewZipf(rand.New(rand.NewPCG(37, 1)), 1.2, 4, 4999)
	var wg sync.WaitGroup
	defer wg.Wait()
	for n := 1; o.Requests == 0 || n <= o.Requests; n++ {
		user := users.Uint64() + 1
		wg.Add(1)
		go func() {
			defer wg.Done()
			scenario(ctx, client, base, user, n)
		}()
		pause := time.Duration(float64(time.Second) / (o.Rate * load(hourOf(time.Now()))))
		select {
		case <-ctx.Done():
			return nil
		case err := <-died:
			return err
		case <-time.After(time.Duration(float64(pause) * (0.3 + 1.4*rand.Float64()))):
		}
	}
	return nil
}

// scenario is one visitor's request. Most look around, some pay.
func scenario(ctx context.Context, client *http.Client, base string, user uint64, n int) {
	customer := fmt.Sprint(user)
	switch r := rand.Float64(); {
	case n%97 == 5:
		get(ctx, client, base+"/prices", customer)
	case r < 0.35:
		get(ctx, client, base+"/products?"+url.Values{"q": {words[rand.IntN(len(words))]}}.Encode(), customer)
	case r < 0.55:
		get(ctx, client, fmt.Sprintf("%s/products/%d", base, 1+rand.IntN(productCount+3)), customer)
	default:
		form := url.Values{
			"product": {fmt.Sprint(1 + rand.IntN(productCount))}, "quantity": {fmt.Sprint(1 + rand.IntN(4))},
			"provider": {providers[rand.IntN(len(providers))]},
		}
		send(ctx, client, http.MethodPost, base+"/pay", strings.NewReader(form.Encode()), customer)
	}
}

var (
	words     = []string{"lamp", "chair", "desk", "rug", "clock", "vase", "shelf", "mirror"}
	providers = []string{"northbank", "unioncard", "swiftpay", "unioncard", "swiftpay"}
)

func get(ctx context.Context, client *http.Client, url, customer string) {
	send(ctx, client, http.MethodGet, url, nil, customer)
}

// send drops the answer: a visitor of a demo does not complain.
func send(ctx context.Context, client *http.Client, method, url string, body io.Reader, customer string) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return
	}
	req.Header.Set("X-Customer", customer)
	if body != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := client.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
}
