package part

import (
	"context"
	"errors"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/weft-dev/weft/internal/base/vfs"
	"github.com/weft-dev/weft/internal/trace/span"
	"github.com/weft-dev/weft/internal/trace/store"
)

// content is the bytes of a part's file.
func content(t testing.TB, fs vfs.FS) []byte {
	t.Helper()
	f, err := fs.Open("p/" + fileName)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, size)
	if _, err := f.ReadAt(b, 0); err != nil && size > 0 {
		t.Fatal(err)
	}
	return b
}

// holding is a file system with a part of these bytes.
func holding(t testing.TB, b []byte) *vfs.Mem {
	t.Helper()
	fs := vfs.NewMem()
	if err := fs.MkdirAll("p"); err != nil {
		t.Fatal(err)
	}
	f, err := fs.Create("p/" + fileName)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return fs
}

// isDamage reports whether err is how damage may be reported.
func isDamage(err error) bool {
	var corrupt *store.CorruptError
	var version *VersionError
	return errors.As(err, &corrupt) || errors.As(err, &version)
}

// Every byte of a part is covered: change any, and either Open refuses the part or Check
// names what is wrong; and reads return what was written or an error, never anything else.
func TestEveryByteIsChecked(t *testing.T) {
	r := newSource(7)
	list := r.traces(40)
	_, fs := written(t, Options{GroupSpans: 30, PageSpans: 10, Digests: []ArrivedDigest{{}}}, list)
	good := content(t, fs)
	for at := 0; at < len(good); at += 25 / upTo(25) {
		bad := slices.Clone(good)
		bad[at] ^= byte(1 + r.IntN(255))
		p, err := Open(holding(t, bad), "p", NewCache(1<<20))
		if err != nil {
			if !isDamage(err) {
				t.Fatalf("byte %d changed: Open says %v", at, err)
			}
			continue
		}
		_, corrupt, err := p.Check(context.Background())
		if err != nil || len(corrupt) == 0 {
			t.Fatalf("byte %d of %d changed: Check found nothing, %v", at, len(good), err)
		}
		readable(t, p, list)
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// readable demands that traces read as written or not at all, and counts those that do.
func readable(t *testing.T, p *Part, list []Trace) (n int) {
	t.Helper()
	for _, tr := range list {
		loc, ok, err := p.Lookup(tr.Tenant, tr.ID)
		if err == nil && ok {
			var b *span.Batch
			if b, err = p.ReadTrace(context.Background(), loc); err == nil {
				same(t, b, tr)
				n++
				continue
			}
		}
		if err != nil && !isDamage(err) {
			t.Fatalf("trace %s: %v", tr.ID, err)
		}
	}
	return n
}

// A damaged page costs its own traces only; damaged tables cost their group; a schema that
// several groups have in common is there twice.
func TestDamageIsContained(t *testing.T) {
	list := newSource(9).small(2000)
	p, fs := written(t, Options{GroupSpans: 300, PageSpans: 64}, list)
	good := content(t, fs)
	f := func(what string, at int64, lost int) {
		t.Helper()
		bad := slices.Clone(good)
		bad[at] ^= 0xff
		q := opened(t, holding(t, bad))
		if got := len(list) - readable(t, q, list); got != lost {
			t.Errorf("%s damaged: %d traces do not read, want %d", what, got, lost)
		}
		_, corrupt, err := q.Check(context.Background())
		if err != nil || len(corrupt) == 0 {
			t.Errorf("%s damaged: Check says %v, %v", what, corrupt, err)
		}
	}
	g := p.Groups()[2]
	pages, err := g.Pages()
	if err != nil {
		t.Fatal(err)
	}
	pg := pages[1]
	f("header of a page", pg.off, pg.Stats().Traces)
	f("last column of a page", pg.off+pg.table[1].length-1, pg.Stats().Traces)
	f("tables", g.meta.tables.off, g.Stats().Traces)
	f("schema", p.schemas[g.meta.schema][0].off, 0)
	f("copy of the schema", p.schemas[g.meta.schema][1].off, 0)
	f("page table", g.meta.pageTable.off, g.Stats().Traces)

	p, fs = written(t, Options{GroupSpans: 1000, PageSpans: 64}, list)
	good = content(t, fs)
	f("schema of few groups", p.schemas[0][0].off, len(list))
}

// A file that ends early is found out, wherever it ends; so is one that goes on.
func TestTruncated(t *testing.T) {
	_, fs := written(t, Options{PageSpans: 20}, newSource(5).traces(100))
	good := content(t, fs)
	for n := range good {
		if _, err := Open(holding(t, good[:n]), "p", NewCache(1<<20)); !isDamage(err) {
			t.Fatalf("Open of the first %d of %d bytes: %v", n, len(good), err)
		}
	}
	if _, err := Open(holding(t, append(slices.Clone(good), 0)), "p", NewCache(1<<20)); !isDamage(err) {
		t.Errorf("Open with a byte too many: %v", err)
	}
}

// A format that is not known is refused by name, and the message says what to do.
func TestOtherVersions(t *testing.T) {
	_, fs := written(t, Options{}, nil)
	f := func(found byte, want string) {
		t.Helper()
		b := content(t, fs)
		b[8] = found
		_, err := Open(holding(t, b), "p", NewCache(1<<20))
		var version *VersionError
		if !errors.As(err, &version) || version.Found != int(found) || version.Known != Version || !strings.Contains(err.Error(), want) {
			t.Errorf("Open of a part of version %d: %v", found, err)
		}
	}
	f(Version+1, "a newer Weft")
	f(firstVersion-1, "begin a new folder")
}

// exercise calls everything there is on bytes that need not be a part, without checksums in
// the way. It returns how many reads worked.
func exercise(t testing.TB, b []byte) (worked int) {
	f, err := holding(t, b).Open("p/" + fileName)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	ok := func(err error) bool {
		if err != nil && !isDamage(err) {
			t.Fatalf("damage is reported as %v", err)
		}
		if err == nil {
			worked++
		}
		return err == nil
	}
	p, err := openFile(&file{File: f, name: "spans", unchecked: true}, NewCache(1<<20))
	if !ok(err) {
		return worked
	}
	defer p.Close()
	_, err = p.Digests()
	ok(err)
	_, _, err = p.Check(ctx)
	ok(err)
	_, err = p.Stat(ctx)
	ok(err)
	for _, g := range p.Groups()[:min(len(p.Groups()), 20)] {
		for _, f := range []store.Field{{Intrinsic: store.SpanName}, {Scope: store.ScopeAny, Name: "order.id"}, {Scope: store.ScopeEvent, Name: "unique"}} {
			_, err = NewFilter([][]store.Term{{{Field: f, Value: store.Literal{Value: span.String("order-4")}}}}).In(g)
			ok(err)
		}
		for kind := store.ServiceNames; kind <= store.AttributeValues; kind++ {
			for _, service := range []string{"", "gateway"} {
				_, err = g.Names(ctx, store.NameQuery{Kind: kind, Key: "order.id", Service: service, Scope: store.ScopeSpan})
				ok(err)
			}
		}
		exerciseTally(g, ok)
		pages, err := g.Pages()
		if !ok(err) {
			continue
		}
		for _, pg := range pages[:min(len(pages), 20)] {
			_, err = pg.Read(ctx, ColumnsOf([]store.Field{
				{Intrinsic: store.ParentIDOf},
				{Intrinsic: store.EventTimeSinceStart},
				{Intrinsic: store.LinkSpanID},
				{Scope: store.ScopeSpan, Name: "few"},
				{Scope: store.ScopeEvent, Name: "exception.type"},
			}))
			ok(err)
			dir, err := pg.Directory()
			if !ok(err) || len(dir) == 0 {
				continue
			}
			loc, found, err := p.Lookup(g.Tenant(), dir[0].ID)
			if ok(err) && found {
				b, err := p.ReadTrace(ctx, loc)
				if ok(err) {
					store.Summarize(b) // every index in the batch is good
					for i := range b.Spans {
						b.EqualSpan(i, b, i)
					}
				}
			}
		}
	}
	return worked
}

// plainPart is a small part without compression, whose bytes all mean something.
func plainPart(t testing.TB, seed uint64) []byte {
	r := newSource(seed)
	opt := Options{GroupSpans: 30, PageSpans: 10, plain: true}
	if seed%2 == 0 {
		opt.Vary = r.Rand
	}
	_, fs := written(t, opt, r.traces(60))
	return content(t, fs)
}

// Damage that has a right checksum, as from a bug or an attacker, is an error too, costs no
// memory to speak of, and never a panic: every byte of a small part changed in a few ways,
// and larger ones changed at random.
func TestDamageBelowChecksums(t *testing.T) {
	_, fs := written(t, goldenOptions(), goldenTraces())
	good := content(t, fs)
	if exercise(t, good) < 15 {
		t.Fatal("a good part does not read")
	}
	for at := 0; at < len(good); at += 25 / upTo(25) {
		for _, to := range []byte{0, 0x7f, 0xff, good[at] + 1} {
			bad := slices.Clone(good)
			bad[at] = to
			frugal(t, bad)
		}
	}
	for seed := range uint64(6) {
		good := plainPart(t, seed)
		r := rand.New(rand.NewPCG(seed, 5))
		for range upTo(200) {
			bad := slices.Clone(good)
			for range 1 + r.IntN(4) {
				bad[r.IntN(len(bad))] = byte(r.IntN(256))
			}
			frugal(t, bad)
		}
	}
}

// frugal exercises b and demands that this allocates little.
func frugal(t *testing.T, b []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	exercise(t, b)
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 256<<20 {
		t.Fatalf("%d MB allocated for a part of %d bytes", used>>20, len(b))
	}
}

// Bytes between the blocks are damage, though no checksum is over them.
func TestGap(t *testing.T) {
	fs := vfs.NewMem()
	if err := fs.MkdirAll("p"); err != nil {
		t.Fatal(err)
	}
	f, err := fs.Create("p/" + fileName)
	if err != nil {
		t.Fatal(err)
	}
	zstd, err := newCompressor(1)
	if err != nil {
		t.Fatal(err)
	}
	list := newSource(3).small(100)
	w := &writer{space: &workspace{}, ctx: context.Background(), opt: Options{GroupSpans: 50, PageSpans: 50}, out: &fileWriter{f: f, zstd: zstd}}
	w.out.write(fileHeader())
	for _, tr := range list {
		if err := w.trace(tr); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.closeTenant(); err != nil {
		t.Fatal(err)
	}
	w.out.write([]byte("gap"))
	if err := errors.Join(w.finish(), f.Close()); err != nil {
		t.Fatal(err)
	}
	p := opened(t, fs)
	checkTraces(t, p, list)
	if _, corrupt, err := p.Check(context.Background()); err != nil || len(corrupt) == 0 {
		t.Errorf("Check passes over a gap: %v, %v", corrupt, err)
	}
}

// FuzzPart does the same with the fuzzer's imagination. Run it with -fuzzminimizetime 1x:
// making a part smaller takes the fuzzer minutes and makes it no simpler.
func FuzzPart(f *testing.F) {
	for seed := range uint64(4) {
		f.Add(plainPart(f, seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) { exercise(t, b) })
}

// A block that claims to be larger than it is costs what it is, not what it claims.
func TestBombs(t *testing.T) {
	zstd, err := newCompressor(1)
	if err != nil {
		t.Fatal(err)
	}
	d := newDecoder()
	f := func(size, claim int, ok bool) {
		t.Helper()
		b := zstd.enc.EncodeAll(make([]byte, size), nil)
		out, err := decompress(d, nil, b, claim)
		if (err == nil) != ok || ok && len(out) != size {
			t.Errorf("%d zeros that claim to be %d: %d bytes, %v", size, claim, len(out), err)
		}
	}
	f(1000, 1000, true)
	f(20<<20, 20<<20, true)
	f(1000, 1001, false)
	f(1000, 999, false)
	f(20<<20, 1000, false)
	f(1000, 1<<31, false)
	f(64<<20, 64<<20, false) // no writer makes that
	if _, ok := zstd.compress(nil, make([]byte, 64<<20)); ok {
		t.Error("the writer makes a block that a reader refuses")
	}
}

// I/O errors are not damage: they come through as they are.
func TestReadError(t *testing.T) {
	list := newSource(2).traces(100)
	_, mem := written(t, Options{}, list)
	boom := errors.New("boom")
	fs := vfs.NewInject(mem)
	p := opened(t, fs)
	fs.Hook(vfs.FailIf(func(op vfs.Op) bool { return op.Kind == vfs.OpRead }, vfs.Fault{Err: boom}))
	if _, _, err := p.Lookup(list[0].Tenant, list[0].ID); !errors.Is(err, boom) || isDamage(err) {
		t.Errorf("Lookup on a broken disk: %v", err)
	}
	if _, _, err := p.Check(context.Background()); !errors.Is(err, boom) {
		t.Errorf("Check on a broken disk: %v", err)
	}
	if _, err := Open(fs, "p", NewCache(1<<20)); !errors.Is(err, boom) || isDamage(err) {
		t.Errorf("Open on a broken disk: %v", err)
	}
}

// Write syncs the file and its folder before it returns, so that a part is whole after a
// crash; and where any operation on the disk fails, it says so.
func TestWriteIsDurable(t *testing.T) {
	list := newSource(4).traces(200)
	boom := errors.New("boom")
	write := func(fail int) (*vfs.Mem, int, error) {
		mem := vfs.NewMem()
		if err := errors.Join(mem.MkdirAll("p"), mem.SyncDir(".")); err != nil {
			t.Fatal(err)
		}
		fs := vfs.NewInject(mem)
		if fail > 0 {
			fs.Hook(vfs.FailAt(fail, vfs.Fault{Err: boom}))
		}
		_, err := Write(context.Background(), fs, "p", Options{}, sequence(list))
		return mem, fs.Count(), err
	}
	mem, ops, err := write(0)
	if err != nil {
		t.Fatal(err)
	}
	checkTraces(t, opened(t, mem.Crash()), list)
	if ops < 6 {
		t.Fatalf("only %d operations: mkdir, create, write, sync, close, syncdir expected", ops)
	}
	for fail := 1; fail <= ops; fail++ {
		if _, _, err := write(fail); !errors.Is(err, boom) {
			t.Errorf("operation %d of %d fails and Write says %v", fail, ops, err)
		}
	}
}
