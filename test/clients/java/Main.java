import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;

/**
 * Calls a web server of its own COUNT times and knows nothing of tracing: spans are the agent's
 * doing. The server prints "PATH TRACEPARENT" for each request it gets; every fifth fails.
 */
public final class Main {
    public static void main(String[] args) throws IOException, InterruptedException {
        int count = Integer.parseInt(args[0]);
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getByName("127.0.0.1"), 0), 0);
        server.createContext("/", Main::answer);
        server.start();
        HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
        for (int i = 0; i < count; i++) {
            URI uri = URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/item/" + i + "?color=blue");
            client.send(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString());
        }
        server.stop(0);
    }

    private static void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        System.out.println(path + " " + exchange.getRequestHeaders().getFirst("traceparent"));
        byte[] body = "hello".getBytes(StandardCharsets.UTF_8);
        int item = Integer.parseInt(path.substring(path.lastIndexOf('/') + 1));
        exchange.sendResponseHeaders(item % 5 == 0 ? 500 : 200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }
}
