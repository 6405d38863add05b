import { useTraceId } from "../lib/url";

export function TracePage() {
	return <p>{useTraceId()}</p>;
}
