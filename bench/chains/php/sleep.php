<?php $ms = (int)$_GET['ms']; usleep(1000 * $ms); $text = "slept $ms ms\n"; header('Content-Type: text/plain; charset=utf-8'); header('Content-Length: ' . strlen($text)); echo $text;
