import java.nio.charset.StandardCharsets;
import java.util.List;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;
import org.rocksdb.RocksIterator;
import org.rocksdb.WriteBatch;
import org.rocksdb.WriteOptions;

/** Forgets who was registered in a stopped standalone broker's metadata; its argument is that folder. */
public final class ClearRegistrations {
    private static final List<String> BEGINNINGS =
            List.of("/ledgers/available/", "/loadbalance/leader", "/loadbalance/brokers/", "/namespace/");

    public static void main(String[] arguments) throws Exception {
        RocksDB.loadLibrary();
        int cleared = 0;
        try (Options options = new Options().setCreateIfMissing(false);
                RocksDB db = RocksDB.open(options, arguments[0]);
                WriteBatch batch = new WriteBatch();
                WriteOptions durably = new WriteOptions().setSync(true)) {
            for (String beginning : BEGINNINGS) {
                try (RocksIterator at = db.newIterator()) {
                    for (at.seek(beginning.getBytes(StandardCharsets.UTF_8)); at.isValid(); at.next()) {
                        String key = new String(at.key(), StandardCharsets.UTF_8);
                        if (!key.startsWith(beginning)) {
                            break;
                        }
                        if (!key.endsWith("/readonly")) {
                            batch.delete(at.key());
                            cleared++;
                        }
                    }
                    at.status();
                }
            }
            db.write(durably, batch);
        }
        System.out.println(cleared);
    }
}
