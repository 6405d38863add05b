import { type FormEvent, useState } from "react";
import { ApiError } from "../api/client";
import { useSignIn } from "../api/queries";
import { useTitle } from "../lib/title";
import { Button } from "../ui/Button";
import css from "./SignInPage.module.css";

/** A token in, a cookie back. The page one wanted then shows by itself. */
export function SignInPage() {
	const signIn = useSignIn();
	useTitle("Sign in");
	const [token, setToken] = useState("");
	const submit = (event: FormEvent) => {
		event.preventDefault();
		if (token.trim()) signIn.mutate(token.trim());
	};
	return (
		<form className={css.page} onSubmit={submit}>
			<h1 className={css.title}>Sign in</h1>
			<label className={css.label} htmlFor="token">
				Token
			</label>
			<input
				id="token"
				type="password"
				autoComplete="current-password"
				className={css.input}
				placeholder="wft_…"
				value={token}
				onChange={(event) => setToken(event.target.value)}
				aria-describedby="token-help"
				aria-invalid={signIn.isError}
			/>
			<p className={css.error} role="alert">
				{signIn.error && problemText(signIn.error)}
			</p>
			<Button look="primary" type="submit" disabled={signIn.isPending || !token.trim()}>
				{signIn.isPending ? "Signing in" : "Sign in"}
			</Button>
			<p id="token-help" className={css.help}>
				Someone who runs this server makes one: <code>weft token create --scope read</code>
			</p>
		</form>
	);
}

function problemText(error: Error): string {
	if (!(error instanceof ApiError)) return error.message;
	const { problem, retryAfter } = error;
	if (problem.status === 401) return "This token is not known here, or has expired.";
	if (problem.status === 429) return `Too many tries. Wait ${retryAfter ?? "a few"} s.`;
	return [problem.detail ?? problem.title, problem.hint].filter(Boolean).join(" ");
}
