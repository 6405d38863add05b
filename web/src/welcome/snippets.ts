/** How to send spans here, for one language or tool. Each block is one paste. */
export interface Snippet {
	id: string;
	label: string;
	blocks: readonly { says?: string; text: string }[];
	/** What goes wrong most often. */
	note?: string;
}

/** The address of this server as a sender needs it, and whether it has to say who it is. */
export interface Target {
	origin: string;
	tokensRequired: boolean;
}

export function snippets({ origin, tokensRequired }: Target): Snippet[] {
	const host = origin.replace(/^https?:\/\//, "");
	const plain = origin.startsWith("http://");
	const token = tokensRequired
		? ["export OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20YOUR_INGEST_TOKEN"]
		: [];
	const env = [
		`export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}`,
		"export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
		...token,
		"export OTEL_SERVICE_NAME=my-service",
	].join("\n");
	return [
		{
			id: "exec",
			label: "Any program",
			blocks: [
				{
					says: "Runs it with the variables that every OpenTelemetry SDK reads.",
					text: "weft exec -- ./my-service",
				},
				{ says: "The same by hand:", text: env },
			],
			note: "The program needs an OpenTelemetry SDK or agent: the other tabs say how.",
		},
		{
			id: "go",
			label: "Go",
			blocks: [
				{
					text: "go get go.opentelemetry.io/otel/sdk go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp",
				},
				{
					text: [
						"exporter, err := otlptracehttp.New(ctx) // reads OTEL_EXPORTER_OTLP_ENDPOINT",
						"if err != nil {",
						"\treturn err",
						"}",
						"provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter))",
						"defer provider.Shutdown(ctx) // sends what is left",
						"otel.SetTracerProvider(provider)",
						"",
						'ctx, span := otel.Tracer("my-service").Start(ctx, "hello")',
						"defer span.End()",
					].join("\n"),
				},
				{ text: `${env}\ngo run .` },
			],
		},
		{
			id: "node",
			label: "Node",
			blocks: [
				{ text: "npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node" },
				{ text: `${env}\nnode --require @opentelemetry/auto-instrumentations-node/register app.js` },
			],
		},
		{
			id: "python",
			label: "Python",
			blocks: [
				{
					text: "pip install opentelemetry-distro opentelemetry-exporter-otlp\nopentelemetry-bootstrap -a install",
				},
				{ text: `${env}\nopentelemetry-instrument python app.py` },
			],
			note: "With gunicorn or uvicorn, start them in place of python: opentelemetry-instrument gunicorn …",
		},
		{
			id: "java",
			label: "Java agent",
			blocks: [
				{
					text: "curl -LO https://github.com/open-telemetry/opentelemetry-java-instrumentation/releases/latest/download/opentelemetry-javaagent.jar",
				},
				{ text: `${env}\njava -javaagent:opentelemetry-javaagent.jar -jar app.jar` },
				{
					says: "Spring Boot 3 without the agent, in application.properties:",
					text: `management.otlp.tracing.endpoint=${origin}/v1/traces\nmanagement.tracing.sampling.probability=1.0`,
				},
				{
					says: "Spring Boot 4 with spring-boot-starter-opentelemetry; it ignores the names of Boot 3:",
					text: `management.opentelemetry.tracing.export.otlp.endpoint=${origin}/v1/traces\nmanagement.tracing.sampling.probability=1.0`,
				},
			],
			note: "Spring samples 1 in 10 unless told otherwise: most requests then leave no trace.",
		},
		{
			id: "dotnet",
			label: ".NET",
			blocks: [
				{
					text: [
						"dotnet add package OpenTelemetry.Extensions.Hosting",
						"dotnet add package OpenTelemetry.Exporter.OpenTelemetryProtocol",
						"dotnet add package OpenTelemetry.Instrumentation.AspNetCore",
						"dotnet add package OpenTelemetry.Instrumentation.Http",
					].join("\n"),
				},
				{
					text: [
						"builder.Services.AddOpenTelemetry()",
						"    .WithTracing(t => t.AddAspNetCoreInstrumentation().AddHttpClientInstrumentation())",
						"    .UseOtlpExporter();",
					].join("\n"),
				},
				{ text: `${env}\ndotnet run` },
			],
		},
		{
			id: "collector",
			label: "Collector",
			blocks: [
				{
					says: "In the configuration of an OpenTelemetry Collector:",
					text: [
						"exporters:",
						"  otlphttp/weft:",
						`    endpoint: ${origin}`,
						...(tokensRequired ? ["    headers:", "      authorization: Bearer YOUR_INGEST_TOKEN"] : []),
						"service:",
						"  pipelines:",
						"    traces:",
						"      exporters: [otlphttp/weft] # beside those that are there",
					].join("\n"),
				},
			],
			note: "A sampling processor in the pipeline drops spans before they come here.",
		},
		{
			id: "telemetrygen",
			label: "telemetrygen",
			blocks: [
				{
					says: "Made-up spans, to see that they arrive.",
					text: "go install github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@latest",
				},
				{
					text: [
						"telemetrygen traces --otlp-http",
						...(plain ? ["--otlp-insecure"] : []),
						`--otlp-endpoint ${host}`,
						...(tokensRequired ? ["--otlp-header 'Authorization=\"Bearer YOUR_INGEST_TOKEN\"'"] : []),
						"--service my-service --traces 10",
					].join(" "),
				},
			],
		},
		{
			id: "curl",
			label: "curl",
			blocks: [
				{
					says: "One span by hand.",
					text: [
						"now=$(date +%s)",
						`curl -i ${origin}/v1/traces -H 'Content-Type: application/json' \\`,
						...(tokensRequired ? ["  -H 'Authorization: Bearer YOUR_INGEST_TOKEN' \\"] : []),
						`  -d '{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my-service"}}]},"scopeSpans":[{"spans":[{`,
						`    "traceId":"'$(openssl rand -hex 16)'","spanId":"'$(openssl rand -hex 8)'","name":"hello","kind":2,`,
						`    "startTimeUnixNano":"'$now'000000000","endTimeUnixNano":"'$now'250000000"}]}]}]}'`,
					].join("\n"),
				},
			],
		},
	];
}
