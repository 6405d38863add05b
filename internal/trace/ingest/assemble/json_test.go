package assemble

import (
	"encoding/json"
	"math"
	"testing"
)

func TestMicros(t *testing.T) {
	f := func(text string, want int64, ok bool) {
		t.Helper()
		if got, good := Micros(json.Number(text)); got != want || good != ok {
			t.Errorf("Micros(%q) = %d %v, want %d %v", text, got, good, want, ok)
		}
	}
	f("", 0, true)
	f("0", 0, true)
	f("1700000000000001", 1700000000000001000, true)
	f("1.5", 1500, true)
	f("1.23456", 1234, true)
	f("9223372036854775.807", math.MaxInt64, true)
	f("9223372036854775.808", 0, false)
	f("9223372036854776", 0, false)
	f("1e3", 1_000_000, true)
	f("1.5e3", 1_500_000, true)
	f("1e300", 0, false)
	f("1e999", 0, false)
	f("-1", 0, false)
	f("-0.5", 0, false)
}

// Members keep their order and number, and values their text.
func TestObject(t *testing.T) {
	var o Object
	if err := json.Unmarshal([]byte(`{"b":"x", "a":[1, 2] ,"b":-1.50,"c":null}`), &o); err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, m := range o {
		got += m.Key + "=" + Text(m.Value) + ";"
	}
	if want := "b=x;a=[1, 2];b=-1.50;c=null;"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
