import { encode, type RowSpec } from "../src/timeline/encode";
import { random } from "../src/timeline/tree";

const services = [
	"gateway",
	"checkout",
	"payment",
	"bank",
	"ledger",
	"fraud",
	"cart",
	"prices",
	"stock",
	"search",
	"mailer",
	"postgres",
	"redis",
	"kafka",
];
const verbs = ["GET", "POST", "SELECT", "INSERT", "publish", "process", "HGETALL", "render", "check", "load"];

/**
 * A large trace, the same for the same number: about a third of its spans in runs of like
 * siblings, the rest a tree of up to forty levels over fourteen services, one in three
 * hundred failed.
 */
export function bigTrace(n: number): ArrayBuffer {
	const next = random(n);
	const int = (below: number) => Math.floor(next() * below);
	const rows: RowSpec[] = [
		{
			parent: -1,
			service: "gateway",
			name: "POST /import",
			start: 0,
			duration: 60e9,
			kind: 2,
			spanId: idOf(0),
		},
	];
	const depth = [0];
	// Parents that still take children, the youngest last: traces grow deep before they grow wide.
	const open = [0];
	while (rows.length < n) {
		const at = open[Math.max(0, open.length - 1 - int(Math.min(open.length, 400)))] as number;
		const p = rows[at] as RowSpec;
		const like = next() < 0.02;
		const count = like ? Math.min(6 + int(60), n - rows.length) : 1;
		const service = next() < 0.5 ? p.service : (services[int(services.length)] as string);
		const name = `${verbs[int(verbs.length)]} ${int(40)}`;
		for (let k = 0; k < count; k++) {
			const room = p.duration * 0.98;
			const from = like ? (k / count) * room : next() * room * 0.7;
			const length = like
				? (room / count) * (0.4 + next() * 0.6)
				: Math.max(1e3, (room - from) * (0.3 + next() * 0.7));
			const i = rows.length;
			rows.push({
				parent: at,
				service,
				name,
				start: Math.round(p.start + from),
				duration: Math.round(length),
				kind: 1 + int(3),
				status: int(300) === 0 ? 2 : 0,
				spanId: idOf(i),
			});
			depth.push((depth[at] as number) + 1);
			if (!like && (depth[i] as number) < 40 && length > 1e4) open.push(i);
		}
	}
	return encode(rows, { traceId: String(n).padStart(32, "0") });
}

function idOf(i: number): string {
	// Spread over the whole range, as random ids are.
	return ((BigInt(i + 1) * 0x9e3779b97f4a7c15n) & 0xffffffffffffffffn).toString(16).padStart(16, "0");
}
