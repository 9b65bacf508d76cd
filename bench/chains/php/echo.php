<?php $body = file_get_contents('php://input'); header('Content-Type: ' . $_SERVER['CONTENT_TYPE']); header('Content-Length: ' . strlen($body)); echo $body;
