# Warnings are errors, in every target of the project; sanitizers where asked for.
add_compile_options(
  -Wall -Wextra -Werror -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes
  -Wmissing-prototypes -Wold-style-definition -Wpointer-arith -Wcast-align -Wundef
  -Wwrite-strings -Wnull-dereference -Wvla -fno-common -fstack-protector-strong)
add_compile_options(-UNDEBUG) # assertions stay in: a wrong state must not travel on
add_compile_definitions(_GNU_SOURCE)
add_link_options(-Wl,-z,relro -Wl,-z,now -Wl,--as-needed)
if(CREW_SANITIZE)
  add_compile_options(-fsanitize=${CREW_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${CREW_SANITIZE})
endif()
