import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.ObjectReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Pattern;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.io.BinaryDecoder;
import org.apache.avro.io.DecoderFactory;
import org.apache.datasketches.frequencies.ErrorType;
import org.apache.datasketches.frequencies.ItemsSketch;
import org.apache.datasketches.hll.HllSketch;
import org.apache.datasketches.kll.KllDoublesSketch;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/**
 * What a team writes by hand in a day: reads orders, checks their ten rules, profiles every column with Apache
 * DataSketches by minutes of event time, prints each minute that is over, and commits every second.
 *
 * <p>Usage: Peer BOOTSTRAP TOPIC RECORDS json|SCHEMA_FILE. Ends with a line of JSON, then waits for its input to close.
 */
public final class Peer {
    static final long WINDOW_MS = 60_000;
    static final Set<String> STATUSES = Set.of("placed", "paid", "shipped");
    static final Pattern CURRENCY = Pattern.compile("^[A-Z]{3}$");

    interface Decoder { Order decode(byte[] value) throws IOException; }

    @JsonIgnoreProperties(ignoreUnknown = true)
    static final class Order {
        public String order_id, customer_id, status, currency, country, email;
        public Double amount;
        public Integer quantity;
        public Long created_at;
        public Boolean priority;
    }

    /** Text, number or flag: how many are null, distinct and frequent values, quantiles of numbers and of lengths. */
    static final class Column {
        long nulls;
        double min = Double.POSITIVE_INFINITY, max = Double.NEGATIVE_INFINITY, sum;
        final HllSketch distinct = new HllSketch(12);
        final KllDoublesSketch quantiles = KllDoublesSketch.newHeapInstance(200);
        final ItemsSketch<Object> frequent = new ItemsSketch<>(64);

        void text(String value) {
            if (value == null) { nulls++; return; }
            distinct.update(value);
            frequent.update(value);
            measure(value.length());
        }

        void number(Double value) {
            if (value == null) { nulls++; return; }
            distinct.update(value);
            frequent.update(value);
            measure(value);
        }

        void whole(Number value) {
            if (value == null) { nulls++; return; }
            distinct.update(value.longValue());
            frequent.update(value);
            measure(value.doubleValue());
        }

        private void measure(double value) {
            quantiles.update(value);
            min = Math.min(min, value);
            max = Math.max(max, value);
            sum += value;
        }

        String summary(long records) {
            var top = frequent.getFrequentItems(ErrorType.NO_FALSE_POSITIVES);
            return String.format("nulls=%d distinct=%.0f mean=%.2f min=%.2f p50=%.2f p99=%.2f max=%.2f top=%s", nulls,
                distinct.getEstimate(), sum / (records - nulls), min, quantiles.getQuantile(0.5),
                quantiles.getQuantile(0.99), max, top.length == 0 ? "" : top[0].getItem());
        }
    }

    /** One minute of event time. */
    static final class Window {
        long records, undecodable;
        final Map<String, Long> failed = new TreeMap<>();
        final Map<String, Column> columns = new TreeMap<>();
        final Column orderId = column("order_id"), customerId = column("customer_id"), status = column("status"),
            amount = column("amount"), quantity = column("quantity"), currency = column("currency"),
            createdAt = column("created_at"), country = column("country"), email = column("email"),
            priority = column("priority");

        private Column column(String name) {
            return columns.computeIfAbsent(name, n -> new Column());
        }

        private void fail(String rule) {
            failed.merge(rule, 1L, Long::sum);
        }

        /** Eight rules are of single rows; types are checked by decoding. */
        void add(Order o) {
            if (o.order_id == null) fail("orders.order_id.required");
            if (o.customer_id == null) fail("orders.customer_id.required");
            if (o.status != null && !STATUSES.contains(o.status)) fail("status");
            if (o.amount != null && o.amount < 0) fail("orders.amount.minimum");
            if (o.currency != null && !CURRENCY.matcher(o.currency).find()) fail("currency");
            orderId.text(o.order_id);
            customerId.text(o.customer_id);
            status.text(o.status);
            amount.number(o.amount);
            quantity.whole(o.quantity);
            currency.text(o.currency);
            createdAt.whole(o.created_at);
            country.text(o.country);
            email.text(o.email);
            priority.whole(o.priority == null ? null : o.priority ? 1 : 0);
        }

        /** The rules about the whole window; uniqueness only as far as the sketch knows: three standard errors. */
        void close() {
            long rows = records - undecodable;
            if (rows == 0) fail("arrive");
            if (email.nulls * 100 >= rows * 5) fail("email");
            double distinct = orderId.distinct.getUpperBound(3);
            if (distinct < rows - orderId.nulls) failed.put("orders.order_id.unique", (long) (rows - orderId.nulls - distinct));
        }
    }

    public static void main(String[] args) throws IOException {
        String topic = args[1];
        long wanted = Long.parseLong(args[2]);
        Decoder decoder = args[3].equals("json") ? json() : avro(Files.readString(Path.of(args[3])));
        Map<Long, Window> open = new TreeMap<>();
        Map<String, Long> failed = new TreeMap<>();
        long read = 0, undecodable = 0, committedMs = System.currentTimeMillis();
        try (var consumer = new KafkaConsumer<byte[], byte[]>(settings(args[0]))) {
            consumer.subscribe(List.of(topic));
            while (read < wanted) {
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(100))) {
                    Window window = open.computeIfAbsent(record.timestamp() / WINDOW_MS, minute -> new Window());
                    window.records++;
                    read++;
                    try {
                        window.add(decoder.decode(record.value()));
                    } catch (IOException | AvroRuntimeException broken) {
                        window.undecodable++;
                        undecodable++;
                    }
                }
                if (System.currentTimeMillis() - committedMs >= 1_000) {
                    consumer.commitSync();
                    committedMs = System.currentTimeMillis();
                }
            }
            // Its windows stay in memory to the end: the topic is a backlog, which partitions are read of in any order.
            open.forEach((minute, window) -> close(minute, window, failed));
            consumer.commitSync();
        }
        List<String> rules = new ArrayList<>();
        failed.forEach((rule, count) -> rules.add("\"" + rule + "\":" + count));
        System.out.printf("{\"records\":%d,\"undecodable\":%d,\"failed\":{%s}}%n", read, undecodable, String.join(",", rules));
        System.in.read();
    }

    static void close(long minute, Window window, Map<String, Long> failed) {
        window.close();
        window.failed.forEach((rule, count) -> failed.merge(rule, count, Long::sum));
        System.err.printf("%s records=%d undecodable=%d failed=%s%n", Instant.ofEpochMilli(minute * WINDOW_MS),
            window.records, window.undecodable, window.failed);
        window.columns.forEach((name, column) ->
            System.err.println("  " + name + ": " + column.summary(window.records - window.undecodable)));
    }

    static Decoder json() {
        ObjectReader reader = new ObjectMapper().readerFor(Order.class);
        return reader::readValue;
    }

    static Decoder avro(String schema) {
        var reader = new GenericDatumReader<GenericRecord>(new Schema.Parser().parse(schema));
        var bytes = new Object() { BinaryDecoder decoder; GenericRecord record; };
        return value -> {
            bytes.decoder = DecoderFactory.get().binaryDecoder(value, bytes.decoder);
            GenericRecord record = bytes.record = reader.read(bytes.record, bytes.decoder);
            Order order = new Order();
            order.order_id = text(record.get("order_id"));
            order.customer_id = text(record.get("customer_id"));
            order.status = text(record.get("status"));
            order.amount = (Double) record.get("amount");
            order.quantity = (Integer) record.get("quantity");
            order.currency = text(record.get("currency"));
            order.created_at = (Long) record.get("created_at");
            order.country = text(record.get("country"));
            order.email = text(record.get("email"));
            order.priority = (Boolean) record.get("priority");
            return order;
        };
    }

    static String text(Object value) {
        return value == null ? null : value.toString();
    }

    static Properties settings(String bootstrap) {
        var settings = new Properties();
        settings.put("bootstrap.servers", bootstrap);
        settings.put("group.id", "bench-peer-" + ProcessHandle.current().pid());
        settings.put("auto.offset.reset", "earliest");
        settings.put("isolation.level", "read_committed");
        settings.put("enable.auto.commit", "false");
        settings.put("max.poll.records", "5000");
        settings.put("key.deserializer", ByteArrayDeserializer.class.getName());
        settings.put("value.deserializer", ByteArrayDeserializer.class.getName());
        return settings;
    }
}
