<?php header('Content-Type: text/plain; charset=utf-8'); usleep(1000 * (int)$_GET['ms']); echo 'slept ', (int)$_GET['ms'], " ms\n";
