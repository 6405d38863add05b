/**
 * A service's colour comes from its name, so that it is the same on every page, in the
 * command line and in exports:
 *
 *	index = FNV-1a (32 bit, over the name's UTF-8 bytes) mod 12
 *
 * and index i is the token --svc-i of ui/tokens.css: hue 55 + 27·i in OKLCH. The hash is
 * fixed for good; serviceColor.vectors.json holds examples for other implementations.
 */
export const serviceHues = 12;

export function serviceColorIndex(name: string): number {
	let hash = 0x811c9dc5;
	for (const byte of new TextEncoder().encode(name)) {
		hash ^= byte;
		hash = Math.imul(hash, 0x01000193) >>> 0;
	}
	return hash % serviceHues;
}

/** The colour as a CSS value, for styles; a canvas takes serviceColors of lib/colors.ts. */
export function serviceColor(name: string): string {
	return `var(--svc-${serviceColorIndex(name)})`;
}
