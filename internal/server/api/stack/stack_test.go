package stack_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/server/api/stack"
)

// Each language's frames come innermost first, with yours (+) told from a library's (-).
func TestParse(t *testing.T) {
	f := func(name, text string, want ...string) {
		t.Helper()
		var got []string
		for _, fr := range stack.Parse(text) {
			mark := "-"
			if fr.Yours {
				mark = "+"
			}
			got = append(got, fmt.Sprintf("%s %s %s:%d", mark, fr.Function, fr.File, fr.Line))
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s: got\n%s\nwant\n%s", name, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
	f("nothing", "")
	f("a message only", "BankTimeout: no reply to AUTH")
	f("java", `com.shop.BankTimeout: no reply to AUTH
	at com.shop.bank.Bank.auth(Bank.java:88)
	at java.base/java.util.concurrent.FutureTask.run(FutureTask.java:264)
	at app//com.shop.pay.Pay.lambda$charge$0(Pay.java:31)
	at jdk.internal.reflect.NativeMethodAccessorImpl.invoke0(Native Method)
	at com.shop.pay.Pay$$FastClass.invoke(<generated>)
	... 12 more
Caused by: java.net.SocketTimeoutException: Read timed out
	at java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:288)`,
		"+ com.shop.bank.Bank.auth Bank.java:88",
		"- java.util.concurrent.FutureTask.run FutureTask.java:264",
		"+ com.shop.pay.Pay.lambda$charge$0 Pay.java:31",
		"- jdk.internal.reflect.NativeMethodAccessorImpl.invoke0 Native Method:0",
		"+ com.shop.pay.Pay$$FastClass.invoke <generated>:0",
		"- sun.nio.ch.NioSocketImpl.timedRead NioSocketImpl.java:288")
	f("python", `Traceback (most recent call last):
  File "/usr/lib/python3.11/runpy.py", line 198, in _run_module_as_main
    return _run_code(code, main_globals)
  File "/srv/shop/pay.py", line 31, in charge
    bank.auth(card)
  File "/srv/venv/lib/python3.11/site-packages/requests/api.py", line 59, in request
    return session.request(method=method)
requests.exceptions.ReadTimeout: no reply`,
		"- request /srv/venv/lib/python3.11/site-packages/requests/api.py:59",
		"+ charge /srv/shop/pay.py:31",
		"- _run_module_as_main /usr/lib/python3.11/runpy.py:198")
	f("python, chained", `Traceback (most recent call last):
  File "/srv/a.py", line 1, in inner
KeyError: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/a.py", line 9, in outer
ValueError: y`,
		"+ outer /srv/a.py:9")
	f("node", `BankTimeout: no reply to AUTH
    at Bank.auth (/srv/shop/bank.js:88:13)
    at async charge (file:///srv/shop/pay.mjs:31:5)
    at /srv/shop/node_modules/express/lib/router.js:5:1
    at process.processTicksAndRejections (node:internal/process/task_queues:95:5)`,
		"+ Bank.auth /srv/shop/bank.js:88",
		"+ charge file:///srv/shop/pay.mjs:31",
		"-  /srv/shop/node_modules/express/lib/router.js:5",
		"- process.processTicksAndRejections node:internal/process/task_queues:95")
	f("firefox", "charge@https://shop.example/app.js:88:13\n@https://shop.example/app.js:9:1",
		"+ charge https://shop.example/app.js:88",
		"+  https://shop.example/app.js:9")
	f("go", "goroutine 12 [running]:\nruntime/debug.Stack()\n\t/usr/local/go/src/runtime/debug/stack.go:26 +0x5e\n"+
		"main.(*bank).auth(0xc000012120, {0x1, 0x2})\n\t/src/shop/bank.go:88 +0x1d\n"+
		"github.com/acme/shop/pay.Charge(...)\n\t/src/shop/pay/pay.go:31\n"+
		"google.golang.org/grpc.(*Server).handle(0xc)\n\t/root/go/pkg/mod/google.golang.org/grpc@v1.60.0/server.go:1 +0x2\n"+
		"created by net/http.(*Server).Serve in goroutine 1\n\t/usr/local/go/src/net/http/server.go:3285 +0x4b4",
		"- runtime/debug.Stack /usr/local/go/src/runtime/debug/stack.go:26",
		"+ main.(*bank).auth /src/shop/bank.go:88",
		"+ github.com/acme/shop/pay.Charge /src/shop/pay/pay.go:31",
		"- google.golang.org/grpc.(*Server).handle /root/go/pkg/mod/google.golang.org/grpc@v1.60.0/server.go:1",
		"- created by net/http.(*Server).Serve in goroutine 1 /usr/local/go/src/net/http/server.go:3285")
	f("go with another root", "net/http.(*conn).serve(0x1)\n\t/opt/go/src/net/http/server.go:1 +0x1\ngithub.com/net/x.F()\n\t/src/x.go:2 +0x1",
		"- net/http.(*conn).serve /opt/go/src/net/http/server.go:1",
		"+ github.com/net/x.F /src/x.go:2")
	f("c#", `Shop.BankTimeout: no reply to AUTH
   at Shop.Bank.Auth(Card card) in /src/Bank.cs:line 88
   at System.Threading.Tasks.Task.Execute()
--- End of stack trace from previous location ---
   at Shop.Pay.<Charge>d__3.MoveNext() in C:\src\Pay.cs:line 31`,
		"+ Shop.Bank.Auth(Card card) /src/Bank.cs:88",
		"- System.Threading.Tasks.Task.Execute :0",
		`+ Shop.Pay.<Charge>d__3.MoveNext() C:\src\Pay.cs:31`)
	f("ruby", "/srv/shop/bank.rb:88:in `auth'\n\tfrom /usr/lib/ruby/gems/3.1.0/gems/rack-2.2/lib/rack.rb:5:in 'call'",
		"+ auth /srv/shop/bank.rb:88",
		"- call /usr/lib/ruby/gems/3.1.0/gems/rack-2.2/lib/rack.rb:5")
	f("php", "#0 /srv/shop/Pay.php(31): Shop\\Bank->auth(Object(Card))\n#1 /srv/vendor/slim/App.php(9): run()\n#2 {main}",
		`+ Shop\Bank->auth /srv/shop/Pay.php:31`,
		"- run /srv/vendor/slim/App.php:9")
	f("rust", `   0: rust_begin_unwind
             at /rustc/90b35a62/library/std/src/panicking.rs:645:5
   1: shop::bank::auth
             at ./src/bank.rs:88:9
   2: core::ops::function::FnOnce::call_once`,
		"- rust_begin_unwind /rustc/90b35a62/library/std/src/panicking.rs:645",
		"+ shop::bank::auth ./src/bank.rs:88",
		"- core::ops::function::FnOnce::call_once :0")
}

// Top skips a preface of libraries, and never gives more than asked for.
func TestTop(t *testing.T) {
	f := func(marks string, n int, want string) {
		t.Helper()
		var frames []stack.Frame
		for _, m := range marks {
			frames = append(frames, stack.Frame{Yours: m == '+'})
		}
		got := ""
		for _, fr := range stack.Top(frames, n) {
			if fr.Yours {
				got += "+"
			} else {
				got += "-"
			}
		}
		if got != want {
			t.Errorf("Top(%s, %d) = %q, want %q", marks, n, got, want)
		}
	}
	f("", 3, "")
	f("+-+-", 3, "+-+")
	f("-+--", 3, "-+-")     // yours is in sight
	f("-----+-+", 3, "+-+") // it is not
	f("-----", 3, "---")    // there is none
}

// Any text is read, into at most MaxFrames frames.
func FuzzParse(f *testing.F) {
	f.Add("goroutine 1\nmain.f()\n\ta.go:1 +0x1")
	f.Add("  File \"a.py\", line 1, in f\n    x")
	f.Add("at a.b(c:1)\n#0 a(1): b\nx@y:1:2")
	f.Add(strings.Repeat("at a.b(c:1)\n", 600))
	f.Fuzz(func(t *testing.T, text string) {
		frames := stack.Parse(text)
		if len(frames) > stack.MaxFrames {
			t.Fatalf("%d frames", len(frames))
		}
		for _, fr := range frames {
			if fr.Text == "" || fr.Line < 0 {
				t.Fatalf("frame %+v", fr)
			}
		}
	})
}
