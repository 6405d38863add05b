import { afterEach, describe, expect, test, vi } from "vitest";
import { cliLine, shellWord } from "./cli";
import {
	durationColumn,
	formatBytes,
	formatCount,
	formatDuration,
	plural,
	shortId,
	threeDigits,
} from "./format";
import { neighbours, recallResults, rememberResults } from "./resultList";
import { serviceColor, serviceColorIndex, serviceHues } from "./serviceColor";
import vectors from "./serviceColor.vectors.json";
import { absoluteTime, clock, listTime, millis, relativeTime, zoneName } from "./time";
import {
	parseLast,
	parseTime,
	rangeFromUrl,
	rangeToUrl,
	resolveRange,
	type TimeRange,
	widen,
} from "./timeRange";

const plain = (text: string) => text.replaceAll("\u00a0", " ");

describe("numbers", () => {
	test("durations have a unit and at most three digits", () => {
		const f = (ns: string | number | bigint, want: string) =>
			expect(plain(formatDuration(ns)), String(ns)).toBe(want);
		f(0, "0 s");
		f(1, "1 ns");
		f(999, "999 ns");
		f(1_000, "1 µs");
		f(1_234, "1.23 µs");
		f("38000000", "38 ms");
		f(310_400_000, "310 ms");
		f(999_600_000, "1 s"); // not 1000 ms
		f(1_240_000_000n, "1.24 s");
		f(59_900_000_000, "59.9 s");
		f(59_990_000_000, "1 min");
		f(125_000_000_000, "2 min 5 s");
		f(3_600_000_000_000, "1 h");
		f(3_629_000_000_000, "1 h"); // minutes count from an hour on
		f(93_600_000_000_000, "1 d 2 h");
		f(-5_000_000, "−5 ms");
		f("nonsense", "–");
	});
	test("durations of a column keep their digits", () => {
		const f = (ns: number, want: string) => expect(plain(durationColumn(ns)), String(ns)).toBe(want);
		f(1_100_000_000, "1.10 s");
		f(87_100_000, "87.1 ms");
		f(310_000_000, "310 ms");
		f(7, "7 ns");
		f(999_999, "1.00 ms");
	});
	test("counts and sizes", () => {
		const f = (n: number, want: string) => expect(plain(formatCount(n)), String(n)).toBe(want);
		f(0, "0");
		f(1_284, "1,284");
		f(9_999, "9,999");
		f(12_340, "12.3 k");
		f(999_499, "999 k");
		f(999_600, "1 M");
		f(4_560_000, "4.56 M");
		expect([999, 1_500, 104_857_600, 5e10, 3e12].map((n) => plain(formatBytes(n)))).toEqual([
			"999 B",
			"1.5 kB",
			"105 MB",
			"50 GB",
			"3 TB",
		]);
		expect([
			plain(plural(1, "span")),
			plain(plural(2, "span")),
			plain(plural(3, "query", "queries")),
		]).toEqual(["1 span", "2 spans", "3 queries"]);
		expect([threeDigits(0.001234), threeDigits(Number.NaN)]).toEqual(["0.00123", "–"]);
		expect(shortId("5b8efff798038103d269b633813fc60c")).toBe("5b8efff7");
	});
});

describe("times", () => {
	const ns = "1769839198123456789";
	test("nanoseconds survive", () => {
		expect(millis(ns)).toBe(1_769_839_198_123);
		expect(millis("-1")).toBe(-1);
		expect(absoluteTime({ unixNano: ns }, "utc")).toBe("2026-01-31 05:59:58.123 456 789 UTC");
		expect(absoluteTime({ ms: 1_769_839_198_005 }, "utc")).toBe("2026-01-31 05:59:58.005 UTC");
		expect(absoluteTime({ unixNano: "-1" }, "utc")).toBe("1969-12-31 23:59:59.999 999 999 UTC");
	});
	test("lists name the day unless it is today", () => {
		const now = Date.UTC(2026, 0, 31, 14);
		expect(listTime(Date.UTC(2026, 0, 31, 5, 59, 58), "utc", now)).toBe("05:59:58");
		expect(listTime(Date.UTC(2026, 0, 30, 5, 59, 58), "utc", now)).toBe("01-30 05:59:58");
		expect(clock(now, "utc")).toBe("14:00:00");
		expect(zoneName(now, "utc")).toBe("UTC");
	});
	test("relative times", () => {
		const f = (seconds: number, want: string) => expect(plain(relativeTime(0, seconds * 1000))).toBe(want);
		f(0, "just now");
		f(12, "12 s ago");
		f(89, "89 s ago");
		f(180, "3 min ago");
		f(7_200, "2 h ago");
		f(3 * 86_400, "3 d ago");
		f(-60, "in 60 s");
	});
});

describe("time range", () => {
	test("of the URL", () => {
		const f = (params: Parameters<typeof rangeFromUrl>[0], want: TimeRange) =>
			expect(rangeFromUrl(params), JSON.stringify(params)).toEqual(want);
		f({}, { last: "1h" });
		f({ last: "15m" }, { last: "15m" });
		f({ last: "nonsense" }, { last: "1h" });
		f(
			{ start: "2026-01-31T14:00:00Z", end: "2026-01-31T15:00:00+00:00" },
			{ start: Date.UTC(2026, 0, 31, 14), end: Date.UTC(2026, 0, 31, 15) },
		);
		f({ start: "1769839198.5", end: "1769839200" }, { start: 1_769_839_198_500, end: 1_769_839_200_000 });
		f({ start: "2026-01-31T14:00:00Z", end: "2026-01-31T13:00:00Z", last: "5m" }, { last: "5m" }); // backwards
		f({ start: "2026-01-31T14:00:00Z" }, { last: "1h" });
	});
	test("goes into the URL and comes back", () => {
		const ranges: TimeRange[] = [
			{ last: "1h" },
			{ last: "5m" },
			{ start: 1_769_839_198_123, end: 1_769_839_200_456 },
		];
		for (const range of ranges) expect(rangeFromUrl(rangeToUrl(range))).toEqual(range);
		expect(rangeToUrl({ last: "1h" })).toEqual({});
	});
	test("lengths and windows", () => {
		expect(["90s", "15m", "15min", "12h", "3d", "2w", "0m", "m", "5"].map(parseLast)).toEqual([
			90e3,
			900e3,
			900e3,
			43_200e3,
			259_200e3,
			1_209_600e3,
			undefined,
			undefined,
			undefined,
		]);
		expect(resolveRange({ last: "5m" }, 1_000_000)).toEqual({ start: 700_000, end: 1_000_000 });
		expect(resolveRange({ start: 1, end: 2 }, 1_000_000)).toEqual({ start: 1, end: 2 });
	});
	test("times as people write them", () => {
		expect(parseTime("2026-01-31 14:59", "utc")).toBe(Date.UTC(2026, 0, 31, 14, 59));
		expect(parseTime("2026-01-31", "utc")).toBe(Date.UTC(2026, 0, 31));
		expect(parseTime("2026-01-31T14:59:00+09:00", "utc")).toBe(Date.UTC(2026, 0, 31, 5, 59));
		expect(parseTime("2026-01-31 14:59", "local")).toBe(new Date(2026, 0, 31, 14, 59).getTime());
		expect([parseTime("yesterday", "utc"), parseTime("2026-13-01", "utc"), parseTime("", "utc")]).toEqual([
			undefined,
			undefined,
			undefined,
		]);
	});
	test("wider is much wider, until there is no more", () => {
		expect(widen({ last: "1h" })).toEqual({ last: "6h" });
		expect(widen({ last: "30d" })).toBeUndefined();
		expect(widen({ start: 100, end: 200 })).toEqual({ start: -100, end: 400 });
	});
});

// The command line and exports compute the same: the vectors are the contract.
test("service colours", () => {
	for (const [name, index] of Object.entries(vectors)) expect(serviceColorIndex(name), name).toBe(index);
	const used = new Set(Array.from({ length: 500 }, (_, i) => serviceColorIndex(`service-${i}`)));
	expect(used.size).toBe(serviceHues);
	expect(serviceColor("gateway")).toBe("var(--svc-9)");
});

// A copied command does what the page shows, whatever the query holds.
test("command lines", () => {
	const f = (word: string, want: string) => expect(shellWord(word)).toBe(want);
	f("payment", "payment");
	f("service=payment status=error", "'service=payment status=error'");
	f("it's $HOME `id`", "'it'\\''s $HOME `id`'");
	f("", "''");
	expect(cliLine(["trace", "search", "a b"], "http://127.0.0.1:8800/")).toBe("weft trace search 'a b'");
	expect(cliLine(["trace", "get", "ab12"], "https://weft.example/team/")).toBe(
		"weft trace get ab12 --server https://weft.example/team",
	);
});

describe("the result list", () => {
	afterEach(() => {
		sessionStorage.clear();
		vi.restoreAllMocks();
	});
	test("is walked by its neighbours", () => {
		rememberResults({ path: "/search?q=a", traceIds: ["a", "b", "c"] });
		const list = recallResults();
		expect(list?.path).toBe("/search?q=a");
		expect(neighbours(list, "b")).toEqual({ previous: "a", next: "c" });
		expect(neighbours(list, "a")).toEqual({ previous: undefined, next: "b" });
		expect(neighbours(list, "x")).toEqual({});
		expect(neighbours(undefined, "a")).toEqual({});
	});
	test("is nothing where storage holds nonsense", () => {
		for (const text of ["{", "null", '{"path":1}', '{"path":"/","traceIds":3}', "[]"]) {
			sessionStorage.setItem("weft.results", text);
			expect(recallResults(), text).toBeUndefined();
		}
	});
});
